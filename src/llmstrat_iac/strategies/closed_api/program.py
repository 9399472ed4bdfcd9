"""The Pulumi program of strategy A: a gateway and the stack's outputs. Imported by the engine only."""

from __future__ import annotations

import pulumi

from llmstrat_iac.components.gateway import Gateway
from llmstrat_iac.components.gateway_from_spec import gateway_args
from llmstrat_iac.components.stack_provider import format_expiry, stack_provider
from llmstrat_iac.hookspecs import ProgramContext
from llmstrat_iac.strategies.closed_api.spec import ClosedApiSpec


def program(context: ProgramContext) -> None:
    """Register the gateway that the spec describes, and export what commands and applications need."""
    spec = context.resolved.spec
    assert isinstance(spec, ClosedApiSpec), "validated by the strategy's own model"
    args = gateway_args(context, spec.endpoint)
    gateway = Gateway("gateway", args, pulumi.ResourceOptions(providers=[stack_provider(context)]))
    outputs = {
        "name": spec.name,
        "environment": spec.environment,
        "strategy": context.resolved.strategy.name,
        "owner": spec.owner,
        "region": spec.region,
        "ttl": str(spec.limits.ttl),
        "expires": format_expiry(context.expires),
        "base_url": gateway.base_url,
        "keys": gateway.keys,
        "models": sorted(args.models),
        "consumers": {consumer.name: sorted(consumer.models) for consumer in args.consumers},
        "usage_log_group": gateway.usage_log_group,
        "relay_function": gateway.relay_function,
        "authorizer_function": gateway.authorizer_function,
        "budget_table": gateway.budget_table,
        "kept": [pulumi.Output.concat("account-wide role for API Gateway's logs: ", gateway.log_role_arn)],
    }
    for name, value in outputs.items():
        pulumi.export(name, value)
