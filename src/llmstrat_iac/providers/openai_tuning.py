"""OpenAI's fine-tuning, which closes: no new jobs from 2027-01-06 on, and the tuned models go with their bases.

The dates are in the catalogue; governance warns before them and refuses after.
"""

from __future__ import annotations

from functools import partial

from pydantic import Field

from llmstrat_iac.catalog.tunable_models import tunable_models
from llmstrat_iac.plan import PlannedResource, StackPlan
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.tuning import Hyperparameters, ResolvedTuning, Tuning
from llmstrat_iac.tuning.outline import built_in_rules, token_price, tuning_warning


class OpenAiHyperparameters(Hyperparameters):
    """Of supervised tuning. OpenAI chooses what isn't set."""

    epochs: int = Field(default=3, ge=1, le=50, description="Passes over the training data.")
    batch_size: int | None = Field(default=None, ge=1, le=256, description="Examples before the weights are updated.")
    learning_rate_multiplier: float | None = Field(
        default=None, gt=0, le=10, description="Factor of the learning rate."
    )
    seed: int | None = Field(default=None, ge=0, le=2_147_483_647, description="Makes a job repeatable.")


class OpenAiPreferenceHyperparameters(OpenAiHyperparameters):
    """Of direct preference optimization."""

    beta: float | None = Field(default=None, gt=0, le=2, description="How closely the model keeps to its base.")


class OpenAiTuningOptions(Closed):
    """The `options:` of a tuning by `openai`: none so far."""


def _plan(tuning: ResolvedTuning) -> StackPlan:
    files = 2 if tuning.validation else 1
    return StackPlan(
        resources=(
            PlannedResource("pulumi-python:dynamic/llmstrat:OpenAiFile", files, "the dataset at OpenAI"),
            PlannedResource("pulumi-python:dynamic/llmstrat:OpenAiJob", 1, "the job, and the model that it makes"),
        ),
        token_prices=(token_price(tuning),),
        findings=(
            tuning_warning(
                "openai-tuning-restricted",
                "provider",
                "OpenAI takes no jobs from new customers",
                "2026-05-07 shut out who had never tuned, 2026-07-02 who hadn't used a tuned model lately",
                "see https://developers.openai.com/api/docs/deprecations; `bedrock` and `sagemaker` take everybody",
            ),
        ),
    )


_HEAVY = "llmstrat_iac.components.tuning.openai"

TUNING = Tuning(
    title="OpenAI",
    hyperparameters={
        ("gpt-*", "supervised"): OpenAiHyperparameters,
        ("gpt-*", "preference"): OpenAiPreferenceHyperparameters,
    },
    options=OpenAiTuningOptions,
    bases=partial(tunable_models, "openai"),
    rules=partial(built_in_rules, "openai"),
    plan=_plan,
    program=f"{_HEAVY}:program",
    jobs=f"{_HEAVY}_jobs:open_jobs",
    preflight=f"{_HEAVY}_preflight:preflight",
    sweep=f"{_HEAVY}_sweep:sweep",
    secret_variable="OPENAI_API_KEY",  # noqa: S106 - a variable's name
)
