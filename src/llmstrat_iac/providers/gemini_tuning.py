"""Gemini tuning in a Google Cloud project: the data goes to Google, which serves the tuned model from an endpoint.

Works with a service account, not with the key of the Gemini API, which can't tune.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field

from llmstrat_iac.catalog.tunable_models import tunable_models
from llmstrat_iac.plan import PlannedResource, StackPlan
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.tuning import Hyperparameters, ResolvedTuning, Tuning
from llmstrat_iac.tuning.outline import built_in_rules, token_price

CREDENTIALS = "GOOGLE_CREDENTIALS"
"""Holds the JSON key of a service account, as other infrastructure tools expect it."""


class GeminiHyperparameters(Hyperparameters):
    """Of supervised tuning. Google chooses what isn't set."""

    epochs: int = Field(default=3, ge=1, le=100, description="Passes over the training data.")
    adapter_size: Literal[1, 2, 4, 8, 16] | None = Field(default=None, description="Rank of the adapter.")
    learning_rate_multiplier: float | None = Field(
        default=None, gt=0, le=10, description="Factor of the recommended learning rate."
    )


class GeminiPreferenceHyperparameters(GeminiHyperparameters):
    """Of preference tuning."""

    beta: float | None = Field(default=None, gt=0, le=1, description="How closely the model keeps to its base.")


class GeminiTuningOptions(Closed):
    """The `options:` of a tuning by `gemini`: where in Google Cloud."""

    project: str = Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", description="The project in Google Cloud.")
    location: str = Field(
        default="us-central1",
        pattern=r"^[a-z]+(-[a-z]+)+\d+$",
        description="Region in Google Cloud of job and endpoint.",
    )
    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$",
        description="Bucket in Cloud Storage that exists; the dataset is uploaded to it, and deleted by `down`.",
    )


def _plan(tuning: ResolvedTuning) -> StackPlan:
    files = 2 if tuning.validation else 1
    return StackPlan(
        resources=(
            PlannedResource("pulumi-python:dynamic/llmstrat:GeminiFile", files, "the dataset in Cloud Storage"),
            PlannedResource("pulumi-python:dynamic/llmstrat:GeminiJob", 1, "the job, the model and its endpoint"),
        ),
        token_prices=(token_price(tuning),),
    )


_HEAVY = "llmstrat_iac.components.tuning.gemini"

TUNING = Tuning(
    title="Gemini in Google Cloud",
    hyperparameters={
        ("gemini-*", "supervised"): GeminiHyperparameters,
        ("gemini-*", "preference"): GeminiPreferenceHyperparameters,
    },
    options=GeminiTuningOptions,
    bases=partial(tunable_models, "gemini"),
    rules=partial(built_in_rules, "gemini"),
    plan=_plan,
    program=f"{_HEAVY}:program",
    jobs=f"{_HEAVY}_jobs:open_jobs",
    preflight=f"{_HEAVY}_preflight:preflight",
    sweep=f"{_HEAVY}_sweep:sweep",
    serves_base=f"{_HEAVY}:base",
    secret_variable=CREDENTIALS,
)
