"""The `providers:` block that strategies A and B share: closed models behind aliases, with ordered fallbacks."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator
from pydantic_core import InitErrorDetails

from llmstrat_iac.spec.common import Alias, Closed, Endpoint, Name, StrategySpec
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.problems import Path, detail

_VARIABLE = re.compile(r"^env:[A-Za-z_][A-Za-z0-9_]*$")
_SECRET_NAME = re.compile(r"^[A-Za-z0-9/_+=.@-]{1,512}$")
_KEY_PREFIXES = ("sk-", "AIza", "AKIA", "ABSK", "hf_", "Bearer ")


class ModelEntry(Closed):
    """A vendor's model under the alias that applications use."""

    alias: Alias = Field(description="Name that applications send as `model`.")
    id: str = Field(min_length=1, max_length=256, description="The vendor's model id.")
    fallbacks: list[Alias] = Field(
        default_factory=list,
        description="Aliases to try in this order when the model fails before its first byte.",
    )


class Credentials(Closed):
    """Where the vendor's API key comes from: never the key itself."""

    secret: str = Field(
        min_length=1,
        description="Name of an existing Secrets Manager secret, or `env:VARIABLE` to upload its value at `up`.",
    )

    @field_validator("secret")
    @classmethod
    def _is_a_name(cls, secret: str) -> str:
        # The value may be a key pasted by mistake: no message repeats it.
        if secret.startswith(_KEY_PREFIXES):
            raise ValueError("this looks like an API key itself; revoke it, and name a secret or `env:VARIABLE`")
        if secret.startswith("env:"):
            if not _VARIABLE.match(secret):
                raise ValueError("after `env:` the name of an environment variable is needed")
        elif not _SECRET_NAME.match(secret):
            raise ValueError("no valid Secrets Manager name: 1 to 512 letters, digits and any of /_+=.@-")
        return secret

    @property
    def variable(self) -> str | None:
        """The environment variable to upload, or None if the secret exists already."""
        return self.secret.removeprefix("env:") if self.secret.startswith("env:") else None


class ProviderEntry(Closed):
    """One closed LLM API and the models of it that the endpoint offers."""

    name: Name = Field(description="A provider plugin: `openai`, `gemini`, `bedrock`, or a third party's.")
    models: list[ModelEntry] = Field(min_length=1, description="The models offered.")
    credentials: Credentials | None = Field(default=None, description="The API key; providers inside AWS need none.")
    options: dict[str, Any] = Field(default_factory=dict, description="The provider plugin's own options.")


class ProvidersBlock(StrategySpec):
    """A spec with `providers:`; strategies A and B build on it."""

    providers: list[ProviderEntry] = Field(min_length=1, description="Closed LLM APIs, from provider plugins.")

    def offered_models(self) -> frozenset[str]:
        """The aliases of all providers."""
        return frozenset(model.alias for provider in self.providers for model in provider.models)

    def inconsistencies(self) -> list[InitErrorDetails]:
        """Names that are used twice and fallbacks that lead nowhere, besides the common part's."""
        offered, names, aliases = self.offered_models(), set[str](), set[str]()
        problems = super().inconsistencies()
        for number, provider in enumerate(self.providers):
            if provider.name in names:
                message = f"the provider `{provider.name}` is listed more than once"
                problems.append(detail(("providers", number, "name"), message, "put its models into one entry"))
            names.add(provider.name)
            for position, model in enumerate(provider.models):
                path: Path = ("providers", number, "models", position)
                if model.alias in aliases:
                    message = f"the model alias `{model.alias}` is used more than once"
                    problems.append(detail((*path, "alias"), message, "give each model its own alias"))
                aliases.add(model.alias)
                problems += _misfits(model, offered, path)
        return problems


class GatewaySpec(ProvidersBlock):
    """A spec whose endpoint must be there: what strategies A and B have in common."""

    endpoint: Endpoint = Field(description="The OpenAI-compatible endpoint.")


def _misfits(model: ModelEntry, offered: frozenset[str], path: Path) -> list[InitErrorDetails]:
    problems = []
    for index, alias in enumerate(model.fallbacks):
        place: Path = (*path, "fallbacks", index)
        if alias == model.alias:
            problems.append(detail(place, "a model can't be its own fallback", "name another alias"))
        elif alias not in offered:
            problems.append(detail(place, f"no model has the alias `{alias}`", suggest(alias, offered - {model.alias})))
        elif alias in model.fallbacks[:index]:
            problems.append(detail(place, f"the fallback `{alias}` is listed twice", "remove one of the two"))
    return problems
