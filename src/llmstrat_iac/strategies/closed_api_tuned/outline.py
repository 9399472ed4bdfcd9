"""The plan of strategy B: the gateway's as for A, the vendor's part, the dataset's check and the training's cost.

The plan shows the stack as it is once the job is completed; before that the tuned model's deployment isn't there yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import PlannedResource, StackPlan, TokenPrice
from llmstrat_iac.spec.providers import GatewaySpec
from llmstrat_iac.strategies.closed_api.costs import token_prices
from llmstrat_iac.strategies.closed_api.outline import merged, plan_gateway, uploaded_secrets
from llmstrat_iac.strategies.closed_api_tuned.costs import check_price, hosting_costs, training_cost
from llmstrat_iac.strategies.closed_api_tuned.serving import check_serving
from llmstrat_iac.strategies.closed_api_tuned.spec import BASE_SUFFIX
from llmstrat_iac.tuning import ResolvedTuning
from llmstrat_iac.tuning.dataset_findings import check_data, size_dataset

_COMPONENT = PlannedResource("llmstrat:tuning:Tuning", 1, "the component that owns the tuning")


def plan_stack(resolved: ResolvedSpec) -> StackPlan:
    """Outline, costs, token prices, sizing and findings of a gateway with a tuned model."""
    spec, tuning = resolved.spec, resolved.tuning
    assert isinstance(spec, GatewaySpec), "validated by the strategy's own model"
    assert tuning is not None, "resolved by the loader"
    report, findings = check_data(tuning, "tuning.dataset", f"{tuning.vendor}/{tuning.block.base_model}")
    # A dataset that couldn't be read would fail again below, without a finding.
    vendor = tuning.tuning.plan(tuning if report else replace(tuning, reads_files=False))
    prices = (*vendor.token_prices, *_base_price(tuning), *token_prices(resolved))
    gateway = plan_gateway(
        spec, spec.endpoint, prices, secrets=uploaded_secrets(spec) + _tuning_secrets(resolved, tuning)
    )
    return StackPlan(
        resources=tuple(merged((*gateway.resources, _COMPONENT, *vendor.resources))),
        costs=(training_cost(tuning, report), *vendor.costs, *gateway.costs, *hosting_costs(tuning, spec)),
        token_prices=prices,
        sizing=(*size_dataset(tuning, report), *vendor.sizing, *gateway.sizing),
        findings=(*findings, *vendor.findings, *check_price(tuning), *check_serving(tuning, spec)),
    )


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
    """One if the gateway calls the tuned model with a key that no entry of `providers:` uploads."""
    credentials, provider = tuning.credentials, resolved.tuning_provider
    if credentials is None or credentials.variable is None:
        return 0
    same_key = provider is not None and provider.secret_variable == tuning.tuning.secret_variable
    return 0 if same_key and tuning.vendor in resolved.providers else 1
