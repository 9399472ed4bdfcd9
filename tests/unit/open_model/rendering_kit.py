"""Resolved trainings and servings on an instance of one's choice, whatever sizing would choose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.catalog.open_models import find_model
from llmstrat_iac.catalog.sizing.contract import Choice, Fit, Memory
from llmstrat_iac.open_model import ResolvedModel, ResolvedServing, ResolvedTraining
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.open_model import ModelBlock
from llmstrat_iac.spec.serving import ServingBlock
from llmstrat_iac.spec.training import TrainingBlock
from llmstrat_iac.tuning import DatasetSource

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
REVISION = "0e9e39f249a16976918f6564b8830bc894c89659"
KEY = "0123456789ab-1"


def model(block: dict[str, Any] | None = None) -> ResolvedModel:
    """Llama 3.1 8B, or what `block` says, of the same shape."""
    known = find_model(MODEL)
    assert known is not None
    return ResolvedModel(
        ModelBlock.model_validate(
            {"alias": "assistant", "id": MODEL, "revision": REVISION} if block is None else block
        ),
        known,
    )


def placed(instance: str, gpus: int = 1, *, micro: int = 4, sharded: bool = False) -> Choice:
    """The choice of this instance type."""
    known = find_instance(instance)
    assert known is not None, instance
    memory = Memory((("weights", 15.0),), known.cuda_gib * 0.9)
    price = AwsPrice("hour", 1.0, "made up", "2026-11-24")
    return Choice((Fit(known, gpus, memory, price, micro_batch_size=micro, sharded=sharded),), ())


def write_rows(path: Path, rows: list[dict[str, Any]]) -> DatasetSource:
    """A JSONL file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return DatasetSource(path.name, path)


def resolve_training(
    folder: Path,
    choice: Choice | None = None,
    *,
    rows: list[dict[str, Any]] | None = None,
    validation: list[dict[str, Any]] | None = None,
    of: ResolvedModel | None = None,
    **block: Any,
) -> ResolvedTraining:
    """A training with this block; on that instance, or on what sizing chooses. Writes the dataset into the folder."""
    chat = [{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}]
    whole = {"method": "qlora", "runtime": "ec2", "dataset": {"train": "train.jsonl"}, **block}
    training = ResolvedTraining(
        block=TrainingBlock.model_validate(whole),
        model=of or model(),
        runtime=create_registry().runtime("ec2"),
        options=None,
        stack_name="assistant-dev",
        region="us-east-1",
        train=write_rows(folder / "train.jsonl", rows or chat),
        validation=write_rows(folder / "validation.jsonl", validation) if validation else None,
    )
    if choice is not None:
        training.__dict__["choice"] = choice  # where `cached_property` keeps what sizing has chosen
    return training


def resolve_serving(choice: Choice, **block: Any) -> ResolvedServing:
    """A serving with this block on that instance."""
    serving = ResolvedServing(
        block=ServingBlock.model_validate({"runtime": "ec2", **block}),
        model=model(),
        runtime=create_registry().runtime("ec2"),
        options=None,
        stack_name="assistant-dev",
        region="us-east-1",
        training=None,
    )
    serving.__dict__["choice"] = choice
    return serving
