"""Puts the tuned model, and its base as fallback, among a gateway's models.

The alias answers with the tuned model once one is served; until then, and whenever it fails, with the base if the spec
says so. An alias that nothing serves is left out, so that consumers get `model_not_found`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module

from llmstrat_iac.components.gateway_args import GatewayArgs, PermissionArgs, ProviderArgs, RouteArgs
from llmstrat_iac.components.gateway_from_spec import model_routes
from llmstrat_iac.hookspecs import ProgramContext, ServedModel
from llmstrat_iac.tuning import TUNING_SECRET, ResolvedTuning


def with_tuned_model(
    args: GatewayArgs, context: ProgramContext, *, tuned: ServedModel | None, base_alias: str
) -> GatewayArgs:
    """The gateway with the tuned model under its alias and the base, if it is the fallback, under its own."""
    tuning = _tuning(context)
    providers = dict(args.providers)
    base = base_model(context) if tuning.block.fallback_to_base else None
    routes: list[RouteArgs] = []
    # The base first: what the gateway calls a provider mustn't change once the tuned model is served.
    for role, served in (("base", base), ("tuned", tuned)):
        if served is not None:
            name = _add_provider(providers, served, context, role)
            routes.insert(0, RouteArgs(name, served.model, served.usd_per_mtok_input, served.usd_per_mtok_output))
    own = {tuning.block.alias: routes} if routes else {}
    if base is not None:
        own[base_alias] = routes[-1:]
    first = {alias: tried[0] for alias, tried in own.items()}
    models = {**model_routes(context.resolved.providers.values(), first), **own}
    consumers = [
        replace(consumer, models=[alias for alias in consumer.models if alias in models]) for consumer in args.consumers
    ]
    return replace(args, models=models, providers=providers, consumers=consumers)


def base_model(context: ProgramContext) -> ServedModel | None:
    """How the untuned base is reached: as the vendor's tuning says, else as any model of its provider."""
    tuning, provider = _tuning(context), context.resolved.tuning_provider
    if tuning.tuning.serves_base is not None:
        module, _, function = tuning.tuning.serves_base.partition(":")
        served: ServedModel | None = getattr(import_module(module), function)(context, tuning)
        return served
    identity = tuning.fallback_id
    if identity is None or provider is None:
        return None
    entry = context.resolved.providers.get(tuning.vendor)
    upstream = provider.upstream(entry.options if entry else provider.options(), tuning.region)
    info = next((model for model in provider.models() if model.id == identity), None)
    return ServedModel(
        model=identity,
        upstream=replace(upstream, base_url=context.target.upstreams.get(tuning.vendor, upstream.base_url)),
        permissions=tuple(provider.permissions([identity])),
        usd_per_mtok_input=info.usd_per_mtok_input if info else None,
        usd_per_mtok_output=info.usd_per_mtok_output if info else None,
    )


def _tuning(context: ProgramContext) -> ResolvedTuning:
    assert context.resolved.tuning is not None, "only called for specs with `tuning:`"
    return context.resolved.tuning


def _add_provider(providers: dict[str, ProviderArgs], served: ServedModel, context: ProgramContext, role: str) -> str:
    """Reach the model through a provider that the gateway has, or through one more; returns its name."""
    upstream, vendor = served.upstream, _tuning(context).vendor
    permissions = [PermissionArgs(each.actions, each.resources) for each in served.permissions]
    for name in (vendor, f"{vendor}-{role}"):
        known = providers.get(name)
        if known is None:
            providers[name] = _provider(served, context, providers, permissions)
            return name
        if (known.wire, known.auth, known.base_url) == (upstream.wire, upstream.auth, upstream.base_url):
            providers[name] = replace(known, permissions=[*known.permissions, *permissions])
            return name
    raise AssertionError(f"no provider's name is left for the {role} model")


def _provider(
    served: ServedModel,
    context: ProgramContext,
    providers: Mapping[str, ProviderArgs],
    permissions: Sequence[PermissionArgs],
) -> ProviderArgs:
    upstream = served.upstream
    known = ProviderArgs(upstream.wire, upstream.auth, upstream.base_url, permissions=permissions)
    credentials = _tuning(context).credentials
    if credentials is None or upstream.auth in ("sigv4", "none"):
        return known
    if credentials.variable is None:
        return replace(known, existing_secret=credentials.secret)
    key = tuning_secret(context)
    same = next((name for name, provider in providers.items() if provider.api_key == key), None)
    return replace(known, key_of=same) if same else replace(known, api_key=key)


def tuning_secret(context: ProgramContext) -> str:
    """The key that the environment gave for tuning, or for the same vendor's models."""
    return context.secrets.get(TUNING_SECRET) or context.secrets[_tuning(context).vendor]
