"""The spec file of strategy B: what A has, and a model that the vendor tunes first."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_core import InitErrorDetails

from llmstrat_iac.spec.problems import detail
from llmstrat_iac.spec.providers import GatewaySpec, ProviderEntry
from llmstrat_iac.spec.tuning import TuningBlock

BASE_SUFFIX = "-base"
"""Alias of the untuned model: the tuned one's with this behind it."""


class ClosedApiTunedSpec(GatewaySpec):
    """A whole file with `strategy: closed-api-tuned`."""

    strategy: Literal["closed-api-tuned"] = Field(description="`closed-api-tuned`, or its letter `B`.")
    tuning: TuningBlock = Field(description="The model that the vendor tunes.")
    providers: list[ProviderEntry] = Field(
        default_factory=list, description="Further closed LLM APIs, from provider plugins; may be empty."
    )

    def offered_models(self) -> frozenset[str]:
        """The aliases of all providers, the tuned model's, and its base's if that is a fallback."""
        tuned = {self.tuning.alias}
        if self.tuning.fallback_to_base:
            tuned.add(self.tuning.alias + BASE_SUFFIX)
        return super().offered_models() | tuned

    def inconsistencies(self) -> list[InitErrorDetails]:
        """Aliases that the tuned model and a provider both claim, besides the providers' own problems."""
        problems = super().inconsistencies()
        for number, provider in enumerate(self.providers):
            for position, model in enumerate(provider.models):
                if model.alias in (self.tuning.alias, self.tuning.alias + BASE_SUFFIX):
                    path = ("providers", number, "models", position, "alias")
                    message = f"the alias `{model.alias}` is the tuned model's or its base's (`tuning.alias`)"
                    problems.append(detail(path, message, "give each model its own alias"))
        return problems
