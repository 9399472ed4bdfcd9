"""The plan of strategy B: the gateway's as for A, the vendor's part, the dataset's check and the training's cost.

The plan shows the stack as it is once the job is completed; before that the tuned model's deployment isn't there yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Finding, PlannedResource, StackPlan, TokenPrice
from llmstrat_iac.spec.providers import GatewaySpec
from llmstrat_iac.strategies.closed_api.costs import token_prices
from llmstrat_iac.strategies.closed_api.outline import plan_gateway, uploaded_secrets
from llmstrat_iac.strategies.closed_api_tuned.costs import check_price, hosting_costs, size_dataset, training_cost
from llmstrat_iac.strategies.closed_api_tuned.dataset import check_data
from llmstrat_iac.strategies.closed_api_tuned.spec import BASE_SUFFIX
from llmstrat_iac.tuning import ResolvedTuning

_COMPONENT = PlannedResource("llmstrat:tuning:Tuning", 1, "the component that owns the tuning")


def plan_stack(resolved: ResolvedSpec) -> StackPlan:
    """Outline, costs, token prices, sizing and findings of a gateway with a tuned model."""
    spec, tuning = resolved.spec, resolved.tuning
    assert isinstance(spec, GatewaySpec), "validated by the strategy's own model"
    assert tuning is not None, "resolved by the loader"
    report, findings = check_data(tuning)
    # A dataset that couldn't be read would fail again below, without a finding.
    vendor = tuning.tuning.plan(tuning if report else replace(tuning, reads_files=False))
    prices = (*vendor.token_prices, *_base_price(tuning), *token_prices(resolved))
    gateway = plan_gateway(spec, prices, secrets=uploaded_secrets(spec) + _tuning_secrets(resolved, tuning))
    return StackPlan(
        resources=tuple(_merged((*gateway.resources, _COMPONENT, *vendor.resources))),
        costs=(training_cost(tuning, report), *vendor.costs, *gateway.costs, *hosting_costs(tuning, spec)),
        token_prices=prices,
        sizing=(*size_dataset(tuning, report), *vendor.sizing, *gateway.sizing),
        findings=(*findings, *vendor.findings, *check_price(tuning), *_check_fallback(tuning, spec)),
    )


def _merged(resources: Iterable[PlannedResource]) -> Iterator[PlannedResource]:
    """One entry a type: gateway and tuning both have roles."""
    by_type: dict[str, list[PlannedResource]] = {}
    for resource in resources:
        by_type.setdefault(resource.type, []).append(resource)
    for kind, same in by_type.items():
        yield PlannedResource(kind, sum(each.count for each in same), "; ".join(each.purpose for each in same))


def _base_price(tuning: ResolvedTuning) -> Iterator[TokenPrice]:
    """The untuned model, which answers while the tuned one doesn't."""
    identity = tuning.fallback_id
    if identity is None:
        return
    info = next((model for model in tuning.models() if model.id == identity), None)
    yield TokenPrice(
        alias=tuning.block.alias + BASE_SUFFIX,
        provider=tuning.vendor,
        model=identity,
        usd_per_mtok_input=info.usd_per_mtok_input if info else None,
        usd_per_mtok_output=info.usd_per_mtok_output if info else None,
        source=info.source if info else "not in the catalogue",
        as_of=info.as_of if info else "",
    )


def _tuning_secrets(resolved: ResolvedSpec, tuning: ResolvedTuning) -> int:
    """One if the vendor's key is uploaded for tuning alone: the gateway calls the tuned model with it."""
    credentials = tuning.credentials
    shared = any(each.entry.credentials is credentials for each in resolved.providers.values())
    return 1 if credentials is not None and credentials.variable is not None and not shared else 0


def _check_fallback(tuning: ResolvedTuning, spec: GatewaySpec) -> Iterator[Finding]:
    from llmstrat_iac.tuning.outline import tuning_error, tuning_warning

    if tuning.base is None or not tuning.block.fallback_to_base or tuning.fallback_id is not None:
        return
    alias = tuning.block.alias + BASE_SUFFIX
    title, reason = tuning.base.title, f"{tuning.tuning.title} doesn't serve the untuned model"
    if any(alias in consumer.models for consumer in spec.endpoint.consumers):
        yield tuning_error(
            "base-not-served",
            "fallback_to_base",
            f"there is no `{alias}`: {title} can't be called untuned",
            reason,
            f"take `{alias}` out of `consumers`, or offer the base by another provider",
        )
    else:
        yield tuning_warning(
            "base-not-served",
            "fallback_to_base",
            f"{title} can't be the fallback, and nothing answers as `{tuning.block.alias}` until it is tuned",
            reason,
            "say `fallback_to_base: false`, and keep callers away until `up` has deployed the tuned model",
        )
