"""The `providers:` block that strategies A and B share: closed models behind aliases, with ordered fallbacks."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from llmstrat_iac.spec.common import Alias, Closed, Name


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


class ProvidersBlock(Closed):
    """Mixin for specs that have `providers:`; checks aliases across them."""

    providers: list[ProviderEntry] = Field(min_length=1, description="Closed LLM APIs, from provider plugins.")

    @model_validator(mode="after")
    def _aliases_fit(self) -> ProvidersBlock:
        aliases = [model.alias for provider in self.providers for model in provider.models]
        for alias in aliases:
            if aliases.count(alias) > 1:
                raise ValueError(f"the model alias `{alias}` is used more than once")
        return self
