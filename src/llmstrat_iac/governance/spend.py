"""Rules about money and time."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import NO_INSTANCE, Basis, Finding, Plan, Severity


def monthly_limit(resolved: ResolvedSpec, plan: Plan) -> Iterator[Finding]:
    """The estimate for a month must stay within the limit."""
    limit = resolved.spec.limits.monthly_usd
    if limit is None:
        yield Finding(
            rule="no-monthly-limit",
            severity=Severity.INFO,
            path="limits",
            message="there is no monthly limit, so no AWS budget will warn",
            reason="a budget sends e-mail to the owner when what AWS bills runs towards the limit",
            remedy="add `monthly_usd`",
        )
    elif plan.first_month.usd > limit:
        first = _how_long(resolved) if plan.once.usd else " a month"
        yield Finding(
            rule="monthly-limit",
            severity=Severity.ERROR,
            path="limits.monthly_usd",
            message=f"the estimate of ${plan.first_month.usd:,.2f}{first} is above the limit of ${limit:,.2f}",
            reason="the limit says what the stack may cost a month, tokens included",
            remedy=_what_is_cheaper(resolved),
        )


def hourly_limit(resolved: ResolvedSpec, plan: Plan) -> Iterator[Finding]:
    """Fixed costs of an hour must stay within the limit."""
    limit = resolved.spec.limits.max_hourly_usd
    if limit is not None and plan.fixed_hour.usd > limit:
        yield Finding(
            rule="hourly-limit",
            severity=Severity.ERROR,
            path="limits.max_hourly_usd",
            message=f"fixed costs of ${plan.fixed_hour.usd:,.4f} an hour are above the limit of ${limit:,.4f}",
            reason="this is billed for every hour of the stack's life, used or not",
            remedy="raise the limit or plan for less",
        )


def unknown_price(plan: Plan) -> Iterator[Finding]:
    """What isn't known is missing from every total."""
    for price in plan.stack.token_prices:
        if price.usd_per_mtok_input is None or price.usd_per_mtok_output is None:
            yield _unknown("providers", f"the price of `{price.model}` ({price.provider}) is unknown")
    counted = [line for line in plan.stack.costs if line.unit != "million tokens" and line.basis is not Basis.ONCE]
    missing = [line.item for line in counted if line.unit_usd is None and not line.item.endswith(NO_INSTANCE)]
    if missing:
        yield _unknown("region", f"no price is known in {plan.region} for: {', '.join(missing)}")


def ttl_never(resolved: ResolvedSpec) -> Iterator[Finding]:
    """A stack that never expires must be taken down by somebody."""
    if resolved.spec.limits.ttl.duration is None:
        yield Finding(
            rule="ttl-never",
            severity=Severity.WARNING,
            path="limits.ttl",
            message="the stack never expires",
            reason="nothing but `llmstrat down` will stop it, and forgotten stacks go on costing",
            remedy="give a TTL such as `30d`; a later `up` renews it",
        )


def unlimited_consumers(resolved: ResolvedSpec) -> Iterator[Finding]:
    """The vendors' bill has no other brake than token budgets: AWS budgets don't see it."""
    endpoint = resolved.spec.endpoint
    names = [each.name for each in endpoint.consumers if each.tokens_per_month is None] if endpoint else []
    inside = [each.provider.inside_account for each in resolved.providers.values()]
    if resolved.tuning is not None:
        inside.append(resolved.tuning.inside_account)
    if names and not all(inside):
        shown = ", ".join(f"`{name}`" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        yield Finding(
            rule="no-token-budget",
            severity=Severity.INFO,
            path="endpoint.consumers",
            message=f"no token budget for {shown}",
            reason="AWS budgets don't see what a vendor bills; a token budget is the only brake on it",
            remedy="add `tokens_per_month`, or set a limit in the vendor's console",
        )


def no_load_stated(resolved: ResolvedSpec, plan: Plan) -> Iterator[Finding]:
    """Without a load there is no estimate of what use costs."""
    if resolved.spec.endpoint is not None and not plan.has_load:
        yield Finding(
            rule="no-load-stated",
            severity=Severity.INFO,
            path="endpoint.load",
            message="no load is stated, so the cost of use isn't estimated",
            reason=_why_load_matters(resolved),
            remedy="add `load: {requests_per_month: 100_000, input_tokens: 800, output_tokens: 300}`",
        )


def _how_long(resolved: ResolvedSpec) -> str:
    if resolved.pretraining is not None:
        return " for the whole run and a month"
    return " in the first month, tuning included,"


def _what_is_cheaper(resolved: ResolvedSpec) -> str:
    if resolved.pretraining is not None:
        return "raise the limit, train on fewer tokens, or take a cheaper cluster (`llmstrat train-plan`)"
    return "raise the limit, lower the load, or choose a cheaper model (`llmstrat models`)"


def _why_load_matters(resolved: ResolvedSpec) -> str:
    if resolved.open_model is not None and resolved.open_model.serving is not None:
        return "whether the fleet is large enough, and what a million tokens cost on it, depends on it"
    return "for a closed model use is nearly the whole bill"


def _unknown(path: str, message: str) -> Finding:
    return Finding(
        rule="unknown-price",
        severity=Severity.WARNING,
        path=path,
        message=message,
        reason="totals leave it out, so the real bill is higher",
        remedy="look it up on the vendor's price page before you rely on the estimate",
    )
