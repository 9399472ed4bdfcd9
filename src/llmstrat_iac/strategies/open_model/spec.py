"""The spec file of strategy C: an open model, how it is trained, how it is served, and closed models beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field
from pydantic_core import InitErrorDetails

from llmstrat_iac.open_model.contract import BASE_SUFFIX
from llmstrat_iac.spec.common import Limits
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.open_model import ModelBlock
from llmstrat_iac.spec.problems import Path, detail
from llmstrat_iac.spec.providers import ProviderEntry, ProvidersBlock
from llmstrat_iac.spec.serving import ServingBlock
from llmstrat_iac.spec.training import TrainingBlock
from llmstrat_iac.spec.units import Ttl


class GpuLimits(Limits):
    """The brakes on time and money, with a day to live unless said otherwise: GPUs bill by the hour."""

    ttl: Ttl = Field(
        default="24h",
        validate_default=True,
        description="How long the stack may live, such as `72h` or `14d`; a day if unset; `never` must be said.",
        examples=["24h"],
    )


class OpenModelSpec(ProvidersBlock):
    """A whole file with `strategy: open-model`."""

    strategy: Literal["open-model"] = Field(description="`open-model`, or its letter `C`.")
    limits: GpuLimits = Field(default_factory=GpuLimits, description="Time to live and spending limits.")
    model: ModelBlock = Field(description="The open model.")
    training: TrainingBlock | None = Field(default=None, description="How it is fine-tuned; not at all if unset.")
    serving: ServingBlock | None = Field(default=None, description="How it is served; not at all if unset.")
    providers: list[ProviderEntry] = Field(
        default_factory=list, description="Closed LLM APIs beside it, from provider plugins; may be empty."
    )

    @property
    def fleet_aliases(self) -> dict[str, Path]:
        """Aliases that the fleet answers to, each with its place in the file; none without `serving:`."""
        if self.serving is None:
            return {}
        aliases: dict[str, Path] = {self.model.alias: ("model", "alias")}
        if self.training is not None and self.training.method != "full":
            aliases[self.model.alias + BASE_SUFFIX] = ("model", "alias")
        for number, adapter in enumerate(self.serving.adapters):
            aliases.setdefault(adapter.alias, ("serving", "adapters", number, "alias"))
        return aliases

    def offered_models(self) -> frozenset[str]:
        """The aliases of the fleet and of all providers."""
        return super().offered_models() | frozenset(self.fleet_aliases)

    def inconsistencies(self) -> list[InitErrorDetails]:
        """Aliases that are claimed twice, fallbacks that lead nowhere, and blocks that need each other."""
        return [*super().inconsistencies(), *self._missing_blocks(), *self._claimed_twice(), *self._lost_fallbacks()]

    def _missing_blocks(self) -> Iterator[InitErrorDetails]:
        if self.training is None and self.serving is None:
            message = "is missing, and so is `training`: nothing would be done with the model"
            yield detail(("serving",), message, "add `serving: {runtime: ec2}`, or a `training:` block, or both")
        if self.endpoint is not None or (self.serving is None and not self.providers):
            return
        why = "`serving`" if self.serving else "`providers`"
        remedy = "add `endpoint: {consumers: [{name: web, models: [" + self._first_alias() + "]}]}`"
        yield detail(("endpoint",), f"is missing: nobody could call what {why} offers", remedy)

    def _first_alias(self) -> str:
        return self.model.alias if self.serving else self.providers[0].models[0].alias

    def _claimed_twice(self) -> Iterator[InitErrorDetails]:
        fleet = self.fleet_aliases
        remedy = "give each model its own alias"
        for number, adapter in enumerate(self.serving.adapters if self.serving else ()):
            if fleet[adapter.alias][0] == "model":
                message = f"the alias `{adapter.alias}` is the model's or its base's (`model.alias`)"
                yield detail(("serving", "adapters", number, "alias"), message, remedy)
        for number, provider in enumerate(self.providers):
            for position, model in enumerate(provider.models):
                if model.alias in fleet:
                    owner = "the model's or its base's (`model.alias`)"
                    if fleet[model.alias][0] == "serving":
                        owner = "an adapter's (`serving.adapters`)"
                    path: Path = ("providers", number, "models", position, "alias")
                    yield detail(path, f"the alias `{model.alias}` is {owner}", remedy)

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
