"""A `training:` block as TRL's configuration: batches that come out even, and numbers that YAML doesn't misread."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rendering_kit import KEY, MODEL, REVISION, placed, resolve_training
from ruamel.yaml import YAML

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.open_model.trainer_files import render_job, to_yaml
from llmstrat_iac.trainer import ENTRY, PACKAGE, PACKAGE_FILES

LARGE = {"gpus": 4, "micro": 8}


def rendered(folder: Path, instance: str = "g6.xlarge", gpus: int = 1, micro: int = 4, **block: Any) -> dict[str, Any]:
    """`train.yaml` as YAML 1.1, which the trainer reads."""
    training = resolve_training(folder, placed(instance, gpus, micro=micro), **block)
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


@pytest.mark.parametrize(
    ("batch", "micro", "placement", "expected"),
    [
        pytest.param(16, None, {"micro": 4}, (4, 4), id="as much at once as fits"),
        pytest.param(16, None, LARGE, (4, 1), id="no more than there is for a GPU"),
        pytest.param(12, None, {"micro": 8}, (4, 3), id="the largest that divides"),
        pytest.param(7, None, {"micro": 8}, (1, 7), id="one by one"),
        pytest.param(16, 2, LARGE, (2, 2), id="as the spec says"),
    ],
)
def test_a_batch_is_divided(
    tmp_path: Path, batch: int, micro: int | None, placement: dict[str, int], expected: tuple[int, int]
) -> None:
    values = rendered(tmp_path, **placement, hyperparameters={"batch_size": batch, "micro_batch_size": micro})

    assert (values["per_device_train_batch_size"], values["gradient_accumulation_steps"]) == expected


@pytest.mark.parametrize(
    ("batch", "micro", "gpus", "remedy"),
    [(10, None, 4, "multiple of 4, such as 8"), (2, None, 4, "such as 4"), (16, 3, 1, "multiple of 3, such as 15")],
)
def test_a_batch_that_cannot_be_divided_is_refused(
    tmp_path: Path, batch: int, micro: int | None, gpus: int, remedy: str
) -> None:
    with pytest.raises(LlmstratError, match=rf"batch_size: {batch} examples can't be divided") as refused:
        rendered(tmp_path, "g6.12xlarge", gpus, hyperparameters={"batch_size": batch, "micro_batch_size": micro})
    assert remedy in str(refused.value)


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
    values = rendered(tmp_path, instance, method=method)

    assert (values["dtype"], values["bf16"], values["fp16"]) == dtype
    assert values["learning_rate"] == pytest.approx(rate)
    assert values.get("load_in_4bit", False) is (method == "qlora")


def test_preference_pairs_are_not_packed(tmp_path: Path) -> None:
    with pytest.raises(LlmstratError, match="preference pairs can't be packed"):
        rendered(tmp_path, objective="preference", hyperparameters={"packing": True})


def test_yaml_is_read_as_it_was_meant() -> None:
    values = {"rate": 2e-05, "type": "NO", "flag": True, "list": ["all-linear"], "inner": {"text": "a: b"}, "big": 1e22}
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)

    assert reader.load(to_yaml(values)) == values
