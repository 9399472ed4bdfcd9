"""Puts a fleet's models, and the closed models that answer when it doesn't, among a gateway's models.

The counterpart of `components.tuning.gateway` for models on instances of one's own. An alias that nothing serves is
left out, so that consumers get `model_not_found`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs, PermissionArgs, ProviderArgs, RouteArgs
from llmstrat_iac.components.gateway_from_spec import model_routes
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import Fleet, ProgramContext

FLEET = "fleet"
"""What the gateway calls the stack's own fleet among its providers."""


def with_fleet(
    args: GatewayArgs,
    context: ProgramContext,
    *,
    fleet: Fleet,
    routes: Mapping[str, str],
    fallback: Sequence[str],
) -> GatewayArgs:
    """The gateway with each alias of `routes` answered by the fleet's model of that name, then by `fallback`.

    `fallback` names aliases of closed models, in the order in which they are tried; of each only its own model is.
    """
    if FLEET in args.providers:
        raise LlmstratError(f"providers: the name `{FLEET}` is the stack's own fleet's", remedy="rename the plugin's")
    first = {alias: _fleet_route(served) for alias, served in routes.items()}
    spares = _spares(args, fallback)
    models = {
        **model_routes(context.resolved.providers.values(), first),
        **{alias: [route, *spares] for alias, route in first.items()},
    }
    providers = {**args.providers, FLEET: _provider(fleet)}
    return replace(args, models=models, providers=providers, consumers=_able(args.consumers, models))


def without_fleet(args: GatewayArgs, *, aliases: Sequence[str], fallback: Sequence[str]) -> GatewayArgs:
    """The gateway while there is nothing to serve yet: `fallback`, if it names any, answers for `aliases`."""
    spares = _spares(args, fallback)
    models = {**args.models, **(dict.fromkeys(aliases, spares) if spares else {})}
    return replace(args, models=models, consumers=_able(args.consumers, models))


def _spares(args: GatewayArgs, fallback: Sequence[str]) -> list[RouteArgs]:
    return [args.models[alias][0] for alias in fallback if alias in args.models]


def _able(consumers: Sequence[ConsumerArgs], models: Mapping[str, object]) -> list[ConsumerArgs]:
    """Consumers, each with those of its models that somebody serves."""
    return [replace(each, models=[alias for alias in each.models if alias in models]) for each in consumers]


def _fleet_route(served_name: str) -> RouteArgs:
    """Its tokens cost nothing by themselves: the fleet is billed by the hour."""
    return RouteArgs(FLEET, served_name, usd_per_mtok_input=0.0, usd_per_mtok_output=0.0)


def _provider(fleet: Fleet) -> ProviderArgs:
    upstream = fleet.upstream
    permissions = [PermissionArgs(each.actions, each.resources) for each in fleet.permissions]
    return ProviderArgs(upstream.wire, upstream.auth, upstream.base_url, permissions=permissions)
