"""Google's Gemini API through its OpenAI-compatible surface (beta), outside the AWS account.

Surface: https://ai.google.dev/gemini-api/docs/openai
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.closed_models import closed_models
from llmstrat_iac.catalog.models import ModelInfo
from llmstrat_iac.hookspecs import Provider, Upstream, hookimpl
from llmstrat_iac.spec.common import Closed

BASE_URL = "https://generativelanguage.googleapis.com/v1beta/openai"


class GeminiOptions(Closed):
    """The `options:` of a `gemini` entry: none so far."""


def _models() -> Iterable[ModelInfo]:
    return closed_models("gemini")


def _upstream(_options: GeminiOptions, _region: str) -> Upstream:
    return Upstream(wire="openai", base_url=BASE_URL, auth="bearer")


@hookimpl
def llmstrat_providers() -> Iterable[Provider]:
    yield Provider(
        name="gemini",
        title="Google Gemini API",
        options=GeminiOptions,
        models=_models,
        upstream=_upstream,
        inside_account=False,
        secret_variable="GEMINI_API_KEY",  # noqa: S106 - a variable's name
        tuning="llmstrat_iac.providers.gemini_tuning:TUNING",
    )
