"""The Pulumi program of strategy A: a gateway and the stack's outputs. Imported by the engine only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from llmstrat_iac.components.alerts import create_budget_alone
from llmstrat_iac.components.gateway import Gateway
from llmstrat_iac.components.gateway_args import GatewayArgs
from llmstrat_iac.components.gateway_from_spec import gateway_args
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.components.stack_provider import stack_provider
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.spec.moments import format_moment
from llmstrat_iac.strategies.closed_api.spec import ClosedApiSpec


def program(context: ProgramContext) -> None:
    """Register the gateway that the spec describes, and export what commands and applications need."""
    spec = context.resolved.spec
    assert isinstance(spec, ClosedApiSpec), "validated by the strategy's own model"
    register_gateway(
        context, gateway_args(context, spec.endpoint), pulumi.ResourceOptions(providers=[stack_provider(context)])
    )


def register_gateway(
    context: ProgramContext,
    args: GatewayArgs,
    opts: pulumi.ResourceOptions,
    *,
    outputs: Mapping[str, Any] | None = None,
    kept: Sequence[pulumi.Input[str]] = (),
) -> None:
    """A strategy's gateway and outputs, with more of the strategy's own.

    The logical name is the same for every strategy: the endpoint and the keys outlive a move from one to another.
    """
    gateway = Gateway("gateway", args, opts)
    export_stack(
        context,
        {
            "base_url": gateway.base_url,
            "keys": gateway.keys,
            "models": sorted(args.models),
            "consumers": {consumer.name: sorted(consumer.models) for consumer in args.consumers},
            "usage_log_group": gateway.usage_log_group,
            "relay_function": gateway.relay_function,
            "authorizer_function": gateway.authorizer_function,
            "budget_table": gateway.budget_table,
            "kept": [pulumi.Output.concat("account-wide role for API Gateway's logs: ", gateway.log_role_arn), *kept],
            **(outputs or {}),
        },
    )


def export_without_gateway(
    context: ProgramContext, provider: pulumi.ProviderResource, outputs: Mapping[str, Any]
) -> None:
    """The outputs of a stack that has no endpoint, and the budget that elsewhere is the gateway's."""
    spec = context.resolved.spec
    if spec.limits.monthly_usd is not None:
        create_budget_alone(spec.limits.monthly_usd, spec.owner, GatewayNames(context.resolved.stack_name), provider)
    export_stack(context, outputs)


def export_stack(context: ProgramContext, outputs: Mapping[str, Any]) -> None:
    """What commands need to know of any stack, and its own outputs."""
    spec = context.resolved.spec
    exported = {
        "name": spec.name,
        "environment": spec.environment,
        "strategy": context.resolved.strategy.name,
        "owner": spec.owner,
        "region": spec.region,
        "ttl": str(spec.limits.ttl),
        "expires": format_moment(context.expires),
        **outputs,
    }
    for name, value in exported.items():
        pulumi.export(name, value)
