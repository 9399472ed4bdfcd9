"""Mistral AI's API as a provider: `plugins: [llmstrat-iac-mistral]` in a spec enables it.

The whole plugin: a provider with one option, and a finding that says what the option costs. Prices are in `models`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from llmstrat_iac.hookspecs import Provider, ResolvedSpec, Upstream, hookimpl
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac_mistral.models import MODELS

NAME = "mistral"


class InferenceRegion(StrEnum):
    """Where Mistral runs the model. Source: https://docs.mistral.ai/inference/regional-inference"""

    GLOBAL = "global"
    EU = "eu"
    US = "us"


BASE_URLS = {
    InferenceRegion.GLOBAL: "https://api.mistral.ai/v1",
    InferenceRegion.EU: "https://api.eu.mistral.ai/v1",
    InferenceRegion.US: "https://api.us.mistral.ai/v1",
}


class MistralOptions(BaseModel):
    """The provider entry's `options:` block."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inference_region: InferenceRegion = Field(
        default=InferenceRegion.GLOBAL,
        description="Where prompts are processed: `global`, `eu` or `us`. A region costs 10 % more a token.",
    )


def _upstream(options: MistralOptions, _region: str) -> Upstream:
    return Upstream(wire="openai", base_url=BASE_URLS[options.inference_region], auth="bearer")


@hookimpl
def llmstrat_providers() -> Iterable[Provider]:
    """Yield the provider `mistral`."""
    yield Provider(
        name=NAME,
        title="Mistral AI",
        options=MistralOptions,
        models=lambda: MODELS,
        upstream=_upstream,
        inside_account=False,
        secret_variable="MISTRAL_API_KEY",  # noqa: S106 - the name of a variable
    )


@hookimpl
def llmstrat_check(resolved: ResolvedSpec) -> Iterable[Finding]:
    """Say that a regional endpoint costs more than the list prices that the plan was made with."""
    provider = resolved.providers.get(NAME)
    if provider is not None and provider.options.inference_region is not InferenceRegion.GLOBAL:
        region = provider.options.inference_region
        yield Finding(
            rule="mistral-regional-price",
            severity=Severity.INFO,
            path=f"providers[{list(resolved.providers).index(NAME)}].options.inference_region",
            message=f"inference in `{region}` is billed at 1.1 times the list prices shown",
            reason="Mistral adds 10 % for regional inference: docs.mistral.ai/inference/regional-inference",
            remedy="reckon with it, or set `inference_region: global` if the place doesn't matter",
        )
