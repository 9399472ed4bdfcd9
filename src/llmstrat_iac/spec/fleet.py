"""What the specs of C and D have in common: a fleet of one's own behind the endpoint, and closed models beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from pydantic import Field
from pydantic_core import InitErrorDetails

from llmstrat_iac.spec.common import Limits
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.problems import Path, detail
from llmstrat_iac.spec.providers import ProviderEntry, ProvidersBlock
from llmstrat_iac.spec.serving import ServingBlock
from llmstrat_iac.spec.units import Ttl


class GpuLimits(Limits):
    """The brakes on time and money, with a day to live unless said otherwise: GPUs bill by the hour."""

    ttl: Ttl = Field(
        default="24h",
        validate_default=True,
        description="How long the stack may live, such as `72h` or `14d`; a day if unset; `never` must be said.",
        examples=["24h"],
    )


class FleetSpec(ProvidersBlock, ABC):
    """A spec whose model runs on instances of one's own, if it has `serving:`."""

    limits: GpuLimits = Field(default_factory=GpuLimits, description="Time to live and spending limits.")
    serving: ServingBlock | None = Field(default=None, description="How it is served; not at all if unset.")
    providers: list[ProviderEntry] = Field(
        default_factory=list, description="Closed LLM APIs beside it, from provider plugins; may be empty."
    )

    @property
    @abstractmethod
    def own_aliases(self) -> Mapping[str, Path]:
        """Aliases of the stack's own model, the first one first, each with its place in the file."""

    @property
    def fleet_aliases(self) -> dict[str, Path]:
        """Aliases that the fleet answers to, each with its place in the file; none without `serving:`."""
        if self.serving is None:
            return {}
        aliases = dict(self.own_aliases)
        for number, adapter in enumerate(self.serving.adapters):
            aliases.setdefault(adapter.alias, ("serving", "adapters", number, "alias"))
        return aliases

    def offered_models(self) -> frozenset[str]:
        """The aliases of the fleet and of all providers."""
        return super().offered_models() | frozenset(self.fleet_aliases)

    def inconsistencies(self) -> list[InitErrorDetails]:
        """Aliases that are claimed twice, fallbacks that lead nowhere, and an endpoint that isn't there."""
        return [*super().inconsistencies(), *self._no_endpoint(), *self._claimed_twice(), *self._lost_fallbacks()]

    def _no_endpoint(self) -> Iterator[InitErrorDetails]:
        if self.endpoint is not None or (self.serving is None and not self.providers):
            return
        why = "`serving`" if self.serving else "`providers`"
        first = next(iter(self.own_aliases)) if self.serving else self.providers[0].models[0].alias
        remedy = "add `endpoint: {consumers: [{name: web, models: [" + first + "]}]}`"
        yield detail(("endpoint",), f"is missing: nobody could call what {why} offers", remedy)

    def _claimed_twice(self) -> Iterator[InitErrorDetails]:
        fleet, own = self.fleet_aliases, self.own_aliases
        remedy = "give each model its own alias"
        for number, adapter in enumerate(self.serving.adapters if self.serving else ()):
            if adapter.alias in own:
                message = f"the alias `{adapter.alias}` is {self._owner(adapter.alias)}"
                yield detail(("serving", "adapters", number, "alias"), message, remedy)
        for number, provider in enumerate(self.providers):
            for position, model in enumerate(provider.models):
                if model.alias in fleet:
                    path: Path = ("providers", number, "models", position, "alias")
                    yield detail(path, f"the alias `{model.alias}` is {self._owner(model.alias)}", remedy)

    def _owner(self, alias: str) -> str:
        return "the model's own" if alias in self.own_aliases else "an adapter's (`serving.adapters`)"

    def _lost_fallbacks(self) -> Iterator[InitErrorDetails]:
        closed = super().offered_models()
        named = self.serving.fallback if self.serving else []
        for number, alias in enumerate(named):
            path: Path = ("serving", "fallback", number)
            if alias in named[:number]:
                yield detail(path, f"the fallback `{alias}` is listed twice", "remove one of the two")
            elif alias in self.fleet_aliases:
                message = f"`{alias}` is served by the fleet itself, which is what a fallback stands in for"
                yield detail(path, message, "name an alias under `providers`")
            elif alias not in closed:
                remedy = suggest(alias, closed) if closed else "list a closed model under `providers:` and name it here"
                yield detail(path, f"no model under `providers` has the alias `{alias}`", remedy)
