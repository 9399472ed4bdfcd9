"""Turns the spec's `endpoint:` and `providers:` blocks into `GatewayArgs`, for every strategy with a gateway."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs, PermissionArgs, ProviderArgs, RouteArgs
from llmstrat_iac.components.stack_provider import stack_tags
from llmstrat_iac.hookspecs import ProgramContext, ResolvedProvider
from llmstrat_iac.spec.common import Consumer, Endpoint


def gateway_args(context: ProgramContext, endpoint: Endpoint) -> GatewayArgs:
    """The gateway that the spec asks for, on the context's target."""
    resolved, spec = context.resolved, context.resolved.spec
    return GatewayArgs(
        prefix=resolved.stack_name,
        region=spec.region,
        owner=spec.owner,
        consumers=[_consumer(consumer) for consumer in endpoint.consumers],
        models=model_routes(resolved.providers.values(), {}),
        providers={name: _provider(provider, context) for name, provider in resolved.providers.items()},
        expires=context.expires,
        log_retention_days=endpoint.usage_log.retention_days,
        log_prompts=endpoint.usage_log.prompts,
        monthly_usd=spec.limits.monthly_usd,
        max_concurrency=endpoint.max_concurrency,
        tags=stack_tags(context),
    )


def _consumer(consumer: Consumer) -> ConsumerArgs:
    rate = consumer.requests_per_second
    return ConsumerArgs(
        name=consumer.name,
        models=consumer.models,
        requests_per_second=rate,
        burst=consumer.burst or max(1, math.ceil(2 * rate)),
        requests_per_month=consumer.requests_per_month,
        tokens_per_month=consumer.tokens_per_month,
        key_generation=consumer.key.generation,
        previous_key_until=consumer.key.previous_until,
    )


def model_routes(providers: Iterable[ResolvedProvider], more: Mapping[str, RouteArgs]) -> Mapping[str, list[RouteArgs]]:
    """Alias to its own route and then its fallbacks' own routes; `more` are routes of fallbacks from elsewhere.

    A fallback that has no route, because it isn't served yet, is passed over.
    """
    own: dict[str, RouteArgs] = {}
    fallbacks: dict[str, list[str]] = {}
    for resolved in providers:
        known = {model.id: model for model in resolved.provider.models()}
        for entry in resolved.entry.models:
            info = known.get(entry.id)
            own[entry.alias] = RouteArgs(
                provider=resolved.entry.name,
                model=entry.id,
                usd_per_mtok_input=info.usd_per_mtok_input if info else None,
                usd_per_mtok_output=info.usd_per_mtok_output if info else None,
            )
            fallbacks[entry.alias] = entry.fallbacks
    routes = {**more, **own}
    return {alias: [own[alias], *(routes[one] for one in fallbacks[alias] if one in routes)] for alias in own}


def _provider(resolved: ResolvedProvider, context: ProgramContext) -> ProviderArgs:
    name, credentials = resolved.entry.name, resolved.entry.credentials
    upstream = resolved.provider.upstream(resolved.options, context.resolved.spec.region)
    permissions = resolved.provider.permissions([model.id for model in resolved.entry.models])
    return ProviderArgs(
        wire=upstream.wire,
        auth=upstream.auth,
        base_url=context.target.upstreams.get(name, upstream.base_url),
        api_key=context.secrets[name] if credentials and credentials.variable else None,
        existing_secret=credentials.secret if credentials and not credentials.variable else None,
        permissions=[PermissionArgs(each.actions, each.resources) for each in permissions],
    )
