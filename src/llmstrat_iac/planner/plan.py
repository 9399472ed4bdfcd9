"""`build_plan()`: the strategy's own plan, the totals, and what the governance plugins find. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import cast

from llmstrat_iac.errors import PluginError
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import HOURS_A_MONTH, Basis, CostLine, Finding, Plan, Severity, Total, total
from llmstrat_iac.plugins import Registry
from llmstrat_iac.spec.units import TimeToLive

_FORGOTTEN_HOURS = 30 * 24.0
_ORDER = {severity: number for number, severity in enumerate(Severity)}


def build_plan(resolved: ResolvedSpec, registry: Registry, *, now: datetime, read_files: bool = True) -> Plan:
    """Say what a spec would create, what it would cost and what speaks against it, without asking anybody.

    Without `read_files` training data isn't read: its findings, size and cost are missing.
    """
    if not read_files:
        resolved = _without_files(resolved)
    spec = resolved.spec
    stack = resolved.strategy.plan(resolved)
    fixed = [line for line in stack.costs if line.basis in (Basis.MONTH, Basis.HOUR)]
    once = total(line for line in stack.costs if line.basis is Basis.ONCE)
    draft = Plan(
        name=spec.name,
        strategy=resolved.strategy.name,
        environment=spec.environment,
        region=spec.region,
        owner=spec.owner,
        ttl=str(spec.limits.ttl),
        stack=stack,
        fixed_month=total(fixed),
        at_load_month=total(line for line in stack.costs if line.basis is not Basis.ONCE),
        forgotten_30_days=_forgotten(fixed, spec.limits.ttl) + once,
        findings=(),
        fixed_hour=_scaled(total(fixed), 1 / HOURS_A_MONTH),
        monthly_limit=spec.limits.monthly_usd,
        once=once,
    )
    findings = [*stack.findings, *_check(resolved, draft, registry, now)]
    return replace(draft, findings=tuple(sorted(findings, key=lambda found: _ORDER[found.severity])))


def _without_files(resolved: ResolvedSpec) -> ResolvedSpec:
    if resolved.tuning is not None:
        return replace(resolved, tuning=replace(resolved.tuning, reads_files=False))
    if resolved.open_model is not None and resolved.open_model.training is not None:
        training = replace(resolved.open_model.training, reads_files=False)
        return replace(resolved, open_model=resolved.open_model.with_training(training))
    return resolved


def _forgotten(fixed: list[CostLine], ttl: TimeToLive) -> Total:
    """30 days in which nobody calls or looks: what bills by the hour is stopped when the TTL ends, the rest isn't."""
    alive = _FORGOTTEN_HOURS if ttl.duration is None else min(_FORGOTTEN_HOURS, ttl.duration.total_seconds() / 3600)
    by_month = _scaled(total(line for line in fixed if line.basis is Basis.MONTH), _FORGOTTEN_HOURS / HOURS_A_MONTH)
    by_hour = total((line for line in fixed if line.basis is Basis.HOUR), hours=alive)
    return by_month + by_hour


def _scaled(amount: Total, factor: float) -> Total:
    return Total(amount.usd * factor, amount.unknown)


def _check(resolved: ResolvedSpec, plan: Plan, registry: Registry, now: datetime) -> Iterator[Finding]:
    offered = {"resolved": resolved, "plan": plan, "now": now}
    for implementation in registry.hook.llmstrat_check.get_hookimpls():
        wanted = {name: offered[name] for name in implementation.argnames}
        check = cast("Callable[..., Iterable[Finding]]", implementation.function)
        try:
            yield from check(**wanted)
        except Exception as error:
            name = implementation.plugin_name
            raise PluginError(
                f"the plugin `{name}` failed in `llmstrat_check`: {type(error).__name__}: {error}",
                remedy=f"repair or update it, or take `{name}` out of `plugins:`",
            ) from error
