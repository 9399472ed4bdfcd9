"""A `training:` block as TRL's configuration: batches that come out even, and numbers that YAML doesn't misread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rendering_kit import KEY, MODEL, REVISION, placed, resolve_training
from ruamel.yaml import YAML

from llmstrat_iac.catalog.sizing.contract import Choice
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.open_model.trainer_files import render_job, to_yaml
from llmstrat_iac.trainer import ENTRY, PACKAGE, PACKAGE_FILES


def rendered(folder: Path, choice: Choice | None = None, **block: Any) -> dict[str, Any]:
    """`train.yaml` as YAML 1.1, which the trainer reads."""
    training = resolve_training(folder, choice, **block)
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    values: dict[str, Any] = reader.load(render_job(training, KEY)["train.yaml"])
    return values


def test_a_job_is_the_launcher_and_what_it_reads(tmp_path: Path) -> None:
    files = render_job(resolve_training(tmp_path, placed("g6.xlarge")), KEY)

    assert files.keys() == {
        ENTRY,
        *(f"{PACKAGE}/{name}" for name in PACKAGE_FILES),
        *("job.json", "train.yaml", "accelerate.yaml", "requirements.txt"),
    }
    job = json.loads(files["job.json"])
    assert (job["key"], job["model"], job["revision"], job["rank"]) == (KEY, MODEL, REVISION, 16)
    assert len(job["data"]["train"]) == 64


@pytest.mark.parametrize(("instance", "gpus"), [("g6e.xlarge", 1), ("g6.12xlarge", 4)])
@pytest.mark.parametrize("micro", [None, 2])
def test_a_batch_is_divided_among_the_gpus(tmp_path: Path, instance: str, gpus: int, micro: int | None) -> None:
    size = {"batch_size": 24, "micro_batch_size": micro, "max_length": 256}
    values = rendered(tmp_path, instance=instance, hyperparameters=size)

    assert values["per_device_train_batch_size"] * values["gradient_accumulation_steps"] * gpus == 24
    assert micro in {None, values["per_device_train_batch_size"]}


def test_a_batch_that_cannot_be_divided_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LlmstratError, match="a batch of 10 can't be split evenly over its 4 GPUs"):
        rendered(tmp_path, instance="g6.12xlarge", hyperparameters={"batch_size": 10})


@pytest.mark.parametrize(
    ("method", "instance", "dtype", "rate"),
    [
        ("qlora", "g6.xlarge", ("bfloat16", True, False), 2e-4),
        ("lora", "g4dn.xlarge", ("float16", False, True), 2e-4),
        ("full", "g6e.xlarge", ("float32", True, False), 2e-5),
    ],
)
def test_numbers_suit_the_method_and_the_gpu(
    tmp_path: Path, method: str, instance: str, dtype: tuple[str, bool, bool], rate: float
) -> None:
    values = rendered(tmp_path, placed(instance), method=method)

    assert (values["dtype"], values["bf16"], values["fp16"]) == dtype
    assert values["learning_rate"] == pytest.approx(rate)
    assert values.get("load_in_4bit", False) is (method == "qlora")


def test_yaml_is_read_as_it_was_meant() -> None:
    values = {"rate": 2e-05, "type": "NO", "flag": True, "list": ["all-linear"], "inner": {"text": "a: b"}, "big": 1e22}
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)

    assert reader.load(to_yaml(values)) == values
