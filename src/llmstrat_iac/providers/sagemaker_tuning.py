"""SageMaker AI's serverless model customization: open weights, tuned without instances, imported into Bedrock.

https://docs.aws.amazon.com/sagemaker/latest/dg/customize-model.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

from pydantic import Field

from llmstrat_iac.catalog.tunable_models import tunable_models
from llmstrat_iac.plan import HOURS_A_MONTH, Basis, CostLine, Finding, PlannedResource, SizingLine, StackPlan
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.tuning import Hyperparameters, ResolvedTuning, Tuning
from llmstrat_iac.tuning.outline import (
    bucket_lines,
    bucket_resources,
    built_in_rules,
    storage_line,
    token_price,
    tuning_error,
    tuning_warning,
)

WINDOW_MINUTES = 5
"""Bedrock bills an imported model in windows of this length, from the first call on, and then lets it sleep."""


class SageMakerHyperparameters(Hyperparameters):
    """Of the recipes behind serverless customization; where nothing is set, the recipe's own value holds."""

    epochs: int = Field(default=3, ge=1, le=100, description="Passes over the training data.")
    batch_size: int | None = Field(default=None, ge=1, description="Examples before the parameters are updated.")
    learning_rate: float | None = Field(default=None, gt=0, lt=1, description="Rate of learning after each batch.")


class SageMakerTuningOptions(Closed):
    """The `options:` of a tuning by `sagemaker`."""

    accept_eula: bool = Field(default=False, description="That the base model's licence is accepted.")
    peft: Literal["lora", "full"] = Field(
        default="lora", description="Train a small adapter (`lora`), or all parameters (`full`)."
    )


def _plan(tuning: ResolvedTuning) -> StackPlan:
    base = tuning.base
    units = base.hosting_units if base else None
    return StackPlan(
        resources=tuple(_resources(tuning)),
        costs=(storage_line(tuning, "Bedrock: keeping the imported model", units), *bucket_lines(tuning)),
        token_prices=(token_price(tuning, by_token=False),),
        sizing=(_hosting_note(tuning, units),),
        findings=(*_check_eula(tuning), *_check_buckets(tuning)),
    )


def _resources(tuning: ResolvedTuning) -> Iterator[PlannedResource]:
    yield from bucket_resources(tuning)
    kind = "aws:sagemaker/modelPackageGroup:ModelPackageGroup"
    yield PlannedResource(kind, 1, "versions of the tuned model")
    yield PlannedResource("aws:sagemaker/trainingJob:TrainingJob", 1, "the job")
    yield PlannedResource("pulumi-python:dynamic/llmstrat:ImportedModel", 1, "the tuned model in Bedrock")


def _hosting(tuning: ResolvedTuning, requests_per_month: float) -> Iterator[CostLine]:
    """Bedrock's bill for the imported model, if the load is spread evenly over the month."""
    base = tuning.base
    units = base.hosting_units if base else None
    hours = min(HOURS_A_MONTH, requests_per_month * WINDOW_MINUTES / 60)
    yield CostLine(
        item=f"Bedrock: serving {tuning.block.alias}",
        basis=Basis.LOAD,
        quantity=hours * (units or 1),
        unit="unit-hour",
        unit_usd=base.usd_hosting_hour if base and units else None,
        source=base.source if base else "not in the catalogue",
        as_of=base.as_of if base else "",
    )


def _hosting_note(tuning: ResolvedTuning, units: int | None) -> SizingLine:
    base = tuning.base
    hour = base.usd_hosting_hour if base else None
    each = f"{hour:.2f} USD an hour each" if hour is not None else "at an unknown price"
    size = f"{units} custom model units" if units else "units known after the import"
    return SizingLine(
        "tuned model awake", size, f"{each}, in windows of {WINDOW_MINUTES} minutes from a call on; asleep it is free"
    )


def _check_eula(tuning: ResolvedTuning) -> Iterator[Finding]:
    options: SageMakerTuningOptions = tuning.options
    if tuning.base and tuning.base.eula and not options.accept_eula:
        yield tuning_error(
            "eula-not-accepted",
            "options.accept_eula",
            f"the {tuning.base.eula} isn't accepted",
            f"SageMaker tunes {tuning.base.title} only for those who accept its licence",
            "read it, and set `options: {accept_eula: true}`; Qwen3 bases need none",
        )


def _check_buckets(tuning: ResolvedTuning) -> Iterator[Finding]:
    for key, source in (("train", tuning.train), ("validation", tuning.validation)):
        if source is None or source.uri is None:
            continue
        bucket = source.uri.removeprefix("s3://").partition("/")[0]
        if "sagemaker" not in bucket:
            yield tuning_warning(
                "sagemaker-bucket-name",
                f"dataset.{key}",
                f"the bucket `{bucket}` hasn't `sagemaker` in its name",
                "AWS's managed policy for model customization reaches only buckets that have",
                "the dataset is copied into the stack's own bucket; let whoever deploys read this one",
            )


_HEAVY = "llmstrat_iac.components.tuning.sagemaker"

TUNING = Tuning(
    title="Amazon SageMaker AI",
    hyperparameters={("*", "*"): SageMakerHyperparameters},
    options=SageMakerTuningOptions,
    bases=partial(tunable_models, "sagemaker"),
    rules=partial(built_in_rules, "sagemaker"),
    plan=_plan,
    hosting=_hosting,
    program=f"{_HEAVY}:program",
    jobs=f"{_HEAVY}_jobs:open_jobs",
    preflight=f"{_HEAVY}_preflight:preflight",
    sweep=f"{_HEAVY}_sweep:sweep",
    keeps_history=False,
)
