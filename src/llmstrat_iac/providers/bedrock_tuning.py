"""Amazon Bedrock's model customization: data and model stay in the account; the tuned model dies with its base.

Hyperparameters: https://docs.aws.amazon.com/bedrock/latest/userguide/custom-models-hp.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

from pydantic import Field

from llmstrat_iac.catalog.tunable_models import tunable_models
from llmstrat_iac.plan import Basis, CostLine, Finding, PlannedResource, StackPlan
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

# https://docs.aws.amazon.com/bedrock/latest/userguide/deploy-custom-model-on-demand.html
ON_DEMAND_REGIONS = ("us-east-1", "us-west-2")


class NovaHyperparameters(Hyperparameters):
    """Of Amazon Nova. The guide for Nova allows 20 steps of warm-up, the one for Bedrock 100: the lower one holds."""

    epochs: int = Field(default=2, ge=1, le=5, description="Passes over the training data.")
    learning_rate: float = Field(default=1e-5, ge=1e-6, le=1e-4, description="Rate of learning after each batch.")
    learning_rate_warmup_steps: int = Field(
        default=10, ge=0, le=20, description="Steps over which the rate rises; few for a small dataset."
    )


class ClaudeHyperparameters(Hyperparameters):
    """Of Anthropic Claude 3 Haiku."""

    epochs: int = Field(default=2, ge=1, le=10, description="Most passes over the training data.")
    batch_size: int = Field(default=32, ge=4, le=256, description="Examples before the parameters are updated.")
    learning_rate_multiplier: float = Field(default=1.0, ge=0.1, le=2, description="Factor of the learning rate.")
    early_stopping_threshold: float = Field(
        default=0.001, ge=0, le=0.1, description="Improvement of the validation loss that is needed to go on."
    )
    early_stopping_patience: int = Field(
        default=2, ge=1, le=10, description="Measurements without improvement before training stops."
    )


class LlamaHyperparameters(Hyperparameters):
    """Of Meta Llama 3."""

    epochs: int = Field(default=5, ge=1, le=10, description="Passes over the training data.")
    batch_size: Literal[1] = Field(default=1, description="Examples before the parameters are updated.")
    learning_rate: float = Field(default=1e-4, ge=5e-6, le=0.1, description="Rate of learning after each batch.")


class BedrockTuningOptions(Closed):
    """The `options:` of a tuning by `bedrock`: how the tuned model is served."""

    throughput: Literal["on-demand", "provisioned"] = Field(
        default="on-demand", description="Billed by token, or `provisioned`: by the hour, called or not."
    )
    model_units: int = Field(default=1, ge=1, le=100, description="Units of provisioned throughput.")
    commitment: Literal["none", "1-month", "6-months"] = Field(
        default="none", description="Term of provisioned throughput. Nothing but `none` can be ended before it."
    )
    accept_commitment: bool = Field(
        default=False, description="That a commitment is billed to its end, whatever `down` does."
    )


def _plan(tuning: ResolvedTuning) -> StackPlan:
    options: BedrockTuningOptions = tuning.options
    provisioned = options.throughput == "provisioned"
    return StackPlan(
        resources=tuple(_resources(tuning, provisioned=provisioned)),
        costs=(
            storage_line(tuning, "Bedrock: keeping the tuned model"),
            *bucket_lines(tuning),
            *([_hosting(tuning, options)] if provisioned else []),
        ),
        token_prices=(token_price(tuning, by_token=not provisioned),),
        findings=(*_check_serving(tuning, options), *_check_commitment(options)),
    )


def _resources(tuning: ResolvedTuning, *, provisioned: bool) -> Iterator[PlannedResource]:
    yield from bucket_resources(tuning)
    yield PlannedResource("aws:bedrock/customModel:CustomModel", 1, "the job, and the model that it makes")
    if provisioned:
        kind = "aws:bedrock/provisionedModelThroughput:ProvisionedModelThroughput"
        yield PlannedResource(kind, 1, "hosts the tuned model by the hour")
        if tuning.expires and tuning.options.commitment == "none":
            yield from _end()
    else:
        kind = "pulumi-python:dynamic/llmstrat:CustomModelDeployment"
        yield PlannedResource(kind, 1, "serves the tuned model by token")


def _end() -> Iterator[PlannedResource]:
    """What `components.expiry.create_expiry` registers."""
    yield PlannedResource("aws:scheduler/scheduleGroup:ScheduleGroup", 1, "holds the schedule")
    yield PlannedResource("aws:scheduler/schedule:Schedule", 1, "ends the hosting when the TTL ends")
    yield PlannedResource("aws:iam/role:Role", 1, "of what ends the hosting")
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "that call and no other")


def _hosting(tuning: ResolvedTuning, options: BedrockTuningOptions) -> CostLine:
    base = tuning.base
    # A commitment is billed to its end: the TTL stops nothing, so it counts by the month.
    price = base.usd_hosting_hour if base and options.commitment == "none" else None
    basis = Basis.HOUR if options.commitment == "none" else Basis.MONTH
    return CostLine(
        item=f"Bedrock: provisioned throughput ({options.commitment.replace('none', 'no commitment')})",
        basis=basis,
        quantity=options.model_units,
        unit="model unit",
        unit_usd=price,
        source=base.source if base else "not in the catalogue",
        as_of=base.as_of if base else "",
    )


def _check_serving(tuning: ResolvedTuning, options: BedrockTuningOptions) -> Iterator[Finding]:
    if options.throughput == "provisioned":
        yield tuning_warning(
            "provisioned-throughput",
            "options.throughput",
            "the tuned model is billed by the hour, called or not",
            "provisioned throughput costs tens to hundreds of dollars a day",
            "use `on-demand` unless the base can't be served so",
        )
        return
    base = tuning.base
    if base and base.serving and "on-demand" not in base.serving:
        yield tuning_error(
            "on-demand-not-offered",
            "options.throughput",
            f"a tuned {base.title} can't be served on demand",
            "Bedrock serves it from provisioned throughput only, billed by the hour",
            "set `throughput: provisioned`, or tune an Amazon Nova model",
        )
    elif tuning.region not in ON_DEMAND_REGIONS:
        yield tuning_error(
            "on-demand-not-offered",
            "options.throughput",
            f"tuned models aren't served on demand in {tuning.region}",
            f"Bedrock does so in {' and '.join(ON_DEMAND_REGIONS)}",
            "choose one of these regions, or `throughput: provisioned`",
        )


def _check_commitment(options: BedrockTuningOptions) -> Iterator[Finding]:
    if options.commitment == "none":
        return
    if options.throughput == "on-demand":
        yield tuning_error(
            "commitment-without-throughput",
            "options.commitment",
            "a commitment needs `throughput: provisioned`",
            "on demand there is nothing to commit to",
            "remove `commitment`",
        )
    elif not options.accept_commitment:
        yield tuning_error(
            "commitment-not-accepted",
            "options.commitment",
            f"a commitment of {options.commitment} can't be ended before its term",
            "`down` would fail to delete it, and it would be billed to the end",
            "set `commitment: none`, or say `accept_commitment: true`",
        )
    else:
        yield tuning_warning(
            "commitment",
            "options.commitment",
            f"the throughput is billed for {options.commitment}, whatever the TTL says",
            "AWS doesn't let it be deleted before; `down` lists it in the receipt",
            "plan for it",
        )


_HEAVY = "llmstrat_iac.components.tuning.bedrock"

TUNING = Tuning(
    title="Amazon Bedrock",
    hyperparameters={
        ("amazon.nova-*", "supervised"): NovaHyperparameters,
        ("anthropic.claude-3-haiku-*", "supervised"): ClaudeHyperparameters,
        ("meta.llama3-*", "supervised"): LlamaHyperparameters,
    },
    options=BedrockTuningOptions,
    bases=partial(tunable_models, "bedrock"),
    rules=partial(built_in_rules, "bedrock"),
    plan=_plan,
    program=f"{_HEAVY}:program",
    jobs=f"{_HEAVY}_jobs:open_jobs",
    preflight=f"{_HEAVY}_preflight:preflight",
    sweep=f"{_HEAVY}_sweep:sweep",
)
