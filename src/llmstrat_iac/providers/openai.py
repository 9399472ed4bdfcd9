"""OpenAI's public API: GPT and o-series models, outside the AWS account."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from llmstrat_iac.catalog.closed_models import closed_models
from llmstrat_iac.catalog.models import ModelInfo
from llmstrat_iac.hookspecs import Provider, Upstream, hookimpl
from llmstrat_iac.spec.common import Closed

BASE_URL = "https://api.openai.com/v1"


class OpenAiOptions(Closed):
    """The `options:` of an `openai` entry."""

    base_url: str = Field(
        default=BASE_URL,
        max_length=300,
        pattern=r"^https://[^\s?#]+[^\s?#/]$",
        description="URL of an OpenAI-compatible API up to its version, https only, without a trailing slash.",
    )


def _models() -> Iterable[ModelInfo]:
    return closed_models("openai")


def _upstream(options: OpenAiOptions, _region: str) -> Upstream:
    return Upstream(wire="openai", base_url=options.base_url, auth="bearer")


@hookimpl
def llmstrat_providers() -> Iterable[Provider]:
    yield Provider(
        name="openai",
        title="OpenAI",
        options=OpenAiOptions,
        models=_models,
        upstream=_upstream,
        inside_account=False,
        secret_variable="OPENAI_API_KEY",  # noqa: S106 - a variable's name
        tuning="llmstrat_iac.providers.openai_tuning:TUNING",
    )
