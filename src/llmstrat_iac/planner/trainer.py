"""Resolves the `trainer:` block of strategy D: the plugin's trainer, its options, and what of the block it can't do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from llmstrat_iac.catalog.pretraining.layouts import ACTIVATIONS, DIVISIONS
from llmstrat_iac.planner.tuning import validate_options
from llmstrat_iac.plugins import Registry
from llmstrat_iac.pretraining import Trainer
from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.pretraining import Parallelism, TrainerBlock
from llmstrat_iac.spec.problems import Problem

_WHERE = ("trainer", "parallelism")


@dataclass(frozen=True)
class TrainerParts:
    """The trainer and its validated options."""

    trainer: Trainer
    options: BaseModel


def resolve_trainer(block: object, registry: Registry, problems: list[Problem]) -> TrainerParts | None:
    """The trainer of the block, `{}` if the spec has none; None if it is wrong."""
    if not isinstance(block, dict):
        return None  # the spec's model reports it
    name = block.get("framework", TrainerBlock.model_fields["framework"].default)
    if not isinstance(name, str):
        return None
    trainer = registry.trainers.get(name)
    if trainer is None:
        near = suggest(name, registry.trainers)
        remedy = f"{near}{'' if near.endswith('?') else '.'} Others come with plugins: see `llmstrat plugins`"
        problems.append(Problem(("trainer", "framework"), f"there is no framework `{name}`", remedy))
        return None
    problems += _beyond(trainer, block)
    options = validate_options(trainer.options, block.get("options", {}), ("trainer", "options"), problems)
    return TrainerParts(trainer, options) if options is not None else None


def _beyond(trainer: Trainer, block: Mapping[str, Any]) -> Iterator[Problem]:
    """What the trainer can't do: precision and division."""
    able, precision = trainer.engine.precisions, block.get("precision", "bf16")
    if precision in ("bf16", "fp8") and precision not in able:
        remedy = f"it computes in: {', '.join(f'`{each}`' for each in sorted(able))}"
        yield Problem(("trainer", "precision"), f"{trainer.title} can't compute in `{precision}`", remedy)
    try:
        wanted = Parallelism.model_validate(block.get("parallelism"))
    except ValidationError:
        return  # `auto`, or the spec's model reports it
    for way in DIVISIONS:
        degree = getattr(wanted, way)
        if degree != 1 and way not in trainer.engine.divisions:
            yield Problem((*_WHERE, way), f"{trainer.title} can't divide so: `{way}: {degree}`", _instead(trainer, way))
    if wanted.activations not in trainer.engine.activations:
        known = ", ".join(f"`{each}`" for each in ACTIVATIONS if each in trainer.engine.activations)
        message = f"{trainer.title} has no `{wanted.activations}` recomputation"
        yield Problem((*_WHERE, "activations"), message, f"it has: {known}")


def _instead(trainer: Trainer, way: str) -> str:
    others = [each for each in DIVISIONS if each in trainer.engine.divisions]
    can = f"it divides by: {', '.join(f'`{each}`' for each in others)}" if others else "it trains on one GPU"
    instead = " and `data_replicate`" if way == "data_shard" and "data_replicate" in others else ""
    return f"set `{way}: 1`{instead}, or `parallelism: auto`; {can}"
