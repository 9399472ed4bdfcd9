"""Resolves the blocks of strategy D: the architecture, trainer and runtime with their options, and the fleet if any.

Reads no corpus. Problems come with their path, like the loader's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.open_models import OpenModel
from llmstrat_iac.catalog.pretraining.presets import architecture_of_shape, presets
from llmstrat_iac.open_model import ResolvedModel, ResolvedOpenModel, ResolvedServing
from llmstrat_iac.planner.open_model import RuntimeParts, resolve_runtime, with_instance
from llmstrat_iac.planner.trainer import TrainerParts, resolve_trainer
from llmstrat_iac.plugins import Registry
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.spec.common import StrategySpec
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.open_model import ModelBlock
from llmstrat_iac.spec.pretraining import ModelShape
from llmstrat_iac.spec.problems import Problem

OWN_LICENCE = "own"
"""What `accept_licence` says of a model that is the organisation's own."""


@dataclass(frozen=True)
class PretrainingParts:
    """What the catalogue, the trainer and the runtimes made of the blocks."""

    architecture: Architecture
    trainer: TrainerParts
    cluster: RuntimeParts
    serving: RuntimeParts | None


def resolve_pretraining(
    data: Mapping[str, Any], registry: Registry, problems: list[Problem]
) -> PretrainingParts | None:
    """Find architecture, trainer and runtimes; None if a block is missing or wrong."""
    before = len(problems)
    architecture = _resolve_architecture(data.get("architecture"), problems)
    cluster = resolve_runtime(_with_default_runtime(data.get("cluster")), "cluster", registry, problems)
    serving = resolve_runtime(data.get("serving"), "serving", registry, problems)
    trainer = resolve_trainer(data.get("trainer", {}), registry, problems)
    if cluster is not None:
        problems += _check_capacity(data["cluster"], cluster)
    if architecture is None or trainer is None or cluster is None or len(problems) > before:
        return None
    return PretrainingParts(architecture, trainer, cluster, serving)


def assemble_pretraining(parts: PretrainingParts, spec: StrategySpec) -> ResolvedPretraining:
    """Put the resolved parts of a valid spec together."""
    blocks: Any = spec  # a FromScratchSpec, or a plugin's with the same blocks
    return ResolvedPretraining(
        shape=blocks.architecture,
        architecture=parts.architecture,
        tokenizer=blocks.tokenizer,
        corpus=blocks.corpus,
        trainer=blocks.trainer,
        cluster=with_instance(blocks.cluster, parts.cluster),
        runtime=parts.cluster.runtime,
        options=parts.cluster.options,
        framework=parts.trainer.trainer,
        framework_options=parts.trainer.options,
        stack_name=f"{spec.name}-{spec.environment}",
        region=spec.region,
        alias=blocks.alias,
        expires=spec.limits.ttl.duration is not None,
    )


def assemble_served(
    parts: PretrainingParts, pretraining: ResolvedPretraining, spec: StrategySpec
) -> ResolvedOpenModel | None:
    """The fleet for the finished model; None without `serving:`."""
    if parts.serving is None:
        return None
    blocks: Any = spec
    model = _own_model(pretraining)
    serving = ResolvedServing(
        block=with_instance(blocks.serving, parts.serving),
        model=model,
        runtime=parts.serving.runtime,
        options=parts.serving.options,
        stack_name=pretraining.stack_name,
        region=spec.region,
        training=None,
        expires=pretraining.expires,
    )
    return ResolvedOpenModel(model, None, serving)


def _own_model(pretraining: ResolvedPretraining) -> ResolvedModel:
    """The model that comes out. Its bucket's name has the account in it, so that only the program knows the place."""
    place = f"s3://{pretraining.stack_name}-artifacts/pretraining/{pretraining.model_identity}/output/hf/"
    block = ModelBlock(alias=pretraining.alias, id=place, accept_licence=OWN_LICENCE)
    known = OpenModel(
        id=place,
        architecture=pretraining.architecture,
        licence=None,
        gated=False,
        chat=False,
        source="`architecture:` of the spec",
        as_of="",
    )
    return ResolvedModel(block, known)


def _with_default_runtime(block: object) -> object:
    return {"runtime": "sagemaker", **block} if isinstance(block, dict) else block


def _resolve_architecture(value: object, problems: list[Problem]) -> Architecture | None:
    try:
        block = ModelShape.model_validate(value)
    except ValidationError:
        return None  # the spec's model reports what is missing or misshapen
    found = architecture_of_shape(block)
    if found is None:
        remedy = suggest(str(block.preset), (preset.name for preset in presets()))
        problems.append(Problem(("architecture", "preset"), f"there is no preset `{block.preset}`", remedy))
    return found


def _check_capacity(block: Mapping[str, Any], cluster: RuntimeParts) -> Iterator[Problem]:
    """Each runtime gets its instances in its own ways."""
    name, able = block.get("capacity", "on-demand"), cluster.runtime.capacities
    known = ("on-demand", "spot", "capacity-block", "reservation", "training-plan")
    if name in known and name not in able:
        choices = ", ".join(f"`{each}`" for each in known if each in able)
        yield Problem(("cluster", "capacity"), f"{cluster.runtime.title} can't use `{name}`", f"it takes: {choices}")
