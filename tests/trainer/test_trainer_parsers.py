"""What is rendered is what the pinned TRL and accelerate understand: every method, objective and kind of machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from rendering_kit import KEY, MODEL, REVISION, placed, resolve_training
from trainer_kit import HERE, run_trainer_python

from llmstrat_iac.open_model.trainer_files import render_job

METHODS = ("qlora", "lora", "full")
OBJECTIVES = ("supervised", "preference")
MACHINES = {
    "one": placed("g6.xlarge"),
    "copies": placed("g6.12xlarge", 4),
    "shards": placed("g6.12xlarge", 4, sharded=True),
    "old": placed("g4dn.xlarge"),
}
# Sizing refuses 4-bit training on GPUs without bfloat16.
JOBS = [job for job in product(METHODS, OBJECTIVES, MACHINES) if job[0] != "qlora" or job[2] != "old"]
ROWS = {
    "supervised": [{"prompt": "Hi?", "completion": "Hello."}],
    "preference": [{"prompt": "Hi?", "chosen": "Hello.", "rejected": "What?"}],
}


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    root = tmp_path_factory.mktemp("jobs")
    folders = []
    for method, objective, machine in JOBS:
        folder = root / f"{method}-{objective}-{machine}"
        training = resolve_training(
            folder / "data",
            MACHINES[machine],
            rows=ROWS[objective],
            validation=ROWS[objective] if machine == "one" else None,
            method=method,
            objective=objective,
            checkpoint_steps=7,
            hyperparameters={"batch_size": 32, "learning_rate": 3e-5, "warmup_ratio": 0.1, "beta": 0.3},
        )
        for name, text in render_job(training, KEY).items():
            if "/" not in name:
                (folder / name).write_text(text, encoding="utf-8")
        folders.append(folder)
    unknown = root / "unknown"
    unknown.mkdir()
    for name in ("job.json", "train.yaml", "accelerate.yaml"):
        (unknown / name).write_text((folders[0] / name).read_text())
    with (unknown / "train.yaml").open("a") as file:
        file.write("warmup_ratio: 0.1\n")
    lines = run_trainer_python(str(HERE / "parse_jobs.py"), *map(str, [*folders, unknown])).splitlines()
    return {Path(name).name: values for name, values in json.loads(lines[-1]).items()}


@pytest.mark.parametrize(("method", "objective", "machine"), JOBS)
def test_a_job_is_understood(parsed: Mapping[str, Any], method: str, objective: str, machine: str) -> None:
    values = parsed[f"{method}-{objective}-{machine}"]

    gpus = 4 if machine in {"copies", "shards"} else 1
    sharded = machine == "shards" or (machine == "copies" and method == "full")
    sixteen = "float16" if machine == "old" else "bfloat16"
    assert "error" not in values, values
    assert (values["model"], values["revision"]) == (MODEL, REVISION)
    assert values["dtype"] == ("float32" if method == "full" else sixteen)
    assert values["use_peft"] is (method != "full")
    assert values["targets"] == (None if method == "full" else "all-linear")
    assert values["load_in_4bit"] is (method == "qlora")
    assert values["storage"] == (sixteen if sharded and method == "qlora" else None)
    assert values["batch"] * values["accumulation"] * gpus == 32
    assert values["learning_rate"] == pytest.approx(3e-5)
    assert values["warmup"] == 10, "a tenth of a hundred steps"
    assert values["bf16"] is (machine != "old")
    assert values["save_steps"] == 7
    assert (values["evaluates"], values["test_split"]) == (
        ("steps", "validation") if machine == "one" else ("no", "test")
    )
    assert values["beta"] == (0.3 if objective == "preference" else None)
    assert values["processes"] == gpus
    assert values["distributed"].endswith("FSDP" if sharded else "MULTI_GPU" if gpus > 1 else "NO")
    assert bool(values["fsdp"]) is sharded


def test_a_name_that_trl_does_not_know_is_an_error(parsed: Mapping[str, Any]) -> None:
    assert "warmup_ratio" in parsed["unknown"]["error"]
