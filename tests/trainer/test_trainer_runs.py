"""Jobs run for real, on the CPU: interrupted, killed and resumed; failed; of every kind."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rendering_kit import MODEL, REVISION, model, placed, resolve_training
from trainer_kit import Machine, run_trainer_python, wait_for

from llmstrat_iac.trainer import EXIT_COMPLETED, EXIT_FAILED, EXIT_INTERRUPTED

CHATS = [
    {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": f"What is {n} plus {n}?"},
            {"role": "assistant", "content": f"{2 * n}."},
        ]
    }
    for n in range(12)
]
PAIRS = [{"prompt": f"Is {n} a number?", "chosen": "Yes.", "rejected": "No idea."} for n in range(8)]
QUICK = {"batch_size": 4, "max_length": 128, "learning_rate": 0.01}
LOAD_ADAPTER = """
import json, sys
from peft import PeftModel
from transformers import AutoModelForCausalLM
base = AutoModelForCausalLM.from_pretrained(sys.argv[1])
tuned = PeftModel.from_pretrained(base, sys.argv[2])
moved = sum(float(p.abs().sum()) for name, p in tuned.named_parameters() if "lora_B" in name)
print(json.dumps({"rank": tuned.peft_config["default"].r, "moved": moved}))
"""


def saved_steps(bucket: Path) -> set[int]:
    """Steps of the complete checkpoints in S3."""
    markers = bucket.glob("checkpoints/checkpoint-*/complete.json")
    return {int(marker.parent.name.removeprefix("checkpoint-")) for marker in markers}


def running_in(folder: Path) -> list[str]:
    """Processes that work in a folder: a trainer that has lost its launcher must not train on."""
    return [link.parent.name for link in Path("/proc").glob("[0-9]*/cwd") if working_folder(link) == str(folder)]


def working_folder(link: Path) -> str | None:
    try:
        return str(link.readlink())
    except OSError:
        return None


def test_a_job_survives_a_reclaim_and_a_crash(ec2: Callable[[str], Machine], tmp_path: Path) -> None:
    steps = {**QUICK, "max_steps": 300}
    training = resolve_training(
        tmp_path / "source", placed("g6.xlarge", micro=2), rows=CHATS, hyperparameters=steps, checkpoint_steps=100
    )
    bucket = tmp_path / "bucket"

    # A reclaim: SIGTERM, and the trainer saves where it is.
    first = ec2("first")
    first.put_job(training)
    process = first.start()
    wait_for((first.root / "scratch/events.jsonl").exists, process)
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == EXIT_INTERRUPTED, output
    reached = first.status()["step"]
    assert 1 <= reached < 300
    assert reached % 100, "no checkpoint of its own accord"
    assert first.status()["state"] == "running"
    assert (bucket / f"checkpoints/checkpoint-{reached}/complete.json").exists()

    # A crash on another machine: SIGKILL, at once, after the next checkpoint.
    second = ec2("second")
    second.put_job(training)
    process = second.start()
    wait_for(lambda: max(saved_steps(bucket)) > reached, process)
    process.kill()
    output = process.communicate()[0]
    assert f"attempt 2, from checkpoint-{reached}" in output
    wait_for(lambda: not running_in(second.code))
    # A checkpoint that was cut off while it was copied.
    torn = bucket / "checkpoints/checkpoint-299"
    torn.mkdir()
    (torn / "adapter_model.safetensors").write_bytes(b"half")

    third = ec2("third")
    third.put_job(training)
    code, output = third.run()
    assert code == EXIT_COMPLETED, output
    resumed = int(output.partition("attempt 3, from checkpoint-")[2].split()[0])
    assert resumed in {100, 200}, output
    logged = [json.loads(line) for line in (third.root / "scratch/events.jsonl").read_text().splitlines()]
    assert min(event["step"] for event in logged if event["event"] == "log") > resumed

    status, manifest = third.status(), json.loads((bucket / "output/manifest.json").read_text())
    assert (status["state"], status["step"], status["total_steps"]) == ("completed", 300, 300)
    assert status["attempt"] == manifest["attempts"] == 3
    assert (manifest["model"], manifest["revision"], manifest["rank"]) == (MODEL, REVISION, 16)
    assert manifest["data"] == {"train": training.train.content_hash}
    assert manifest["metrics"]["training_loss"] > 0
    assert not [path for path in (bucket / "checkpoints").rglob("*") if path.is_file()], "of no use any more"
    loaded = json.loads(
        run_trainer_python(
            "-c", LOAD_ADAPTER, str(third.model), str(bucket / "output"), HF_HUB_OFFLINE="1"
        ).splitlines()[-1]
    )
    assert loaded["rank"] == 16
    assert loaded["moved"] > 0, "an untrained adapter changes nothing"


@pytest.mark.parametrize(
    ("rows", "block"),
    [
        pytest.param(CHATS, {"method": "full", "hyperparameters": {**QUICK, "packing": True}}, id="sft full packed"),
        pytest.param(PAIRS, {"method": "lora", "objective": "preference", "hyperparameters": QUICK}, id="dpo lora"),
    ],
)
def test_every_kind_trains_on_sagemaker(
    sagemaker: Machine, tmp_path: Path, rows: list[dict[str, Any]], block: dict[str, Any]
) -> None:
    block["hyperparameters"] = {**block["hyperparameters"], "max_steps": 4}
    training = resolve_training(
        tmp_path / "source",
        placed("g6.12xlarge", 2, micro=2),
        rows=rows,
        validation=rows[:4],
        checkpoint_steps=2,
        **block,
    )
    sagemaker.put_job(training)

    code, output = sagemaker.run()

    assert code == EXIT_COMPLETED, output
    manifest = json.loads((sagemaker.output / "manifest.json").read_text())
    assert (manifest["steps"], manifest["adapter"]) == (4, training.makes_adapter)
    assert {"training_loss", "validation_loss"} <= manifest["metrics"].keys()
    assert set(manifest["files"]) == {"train.jsonl", "validation.jsonl"}
    weights = "adapter_model.safetensors" if training.makes_adapter else "model.safetensors"
    assert (sagemaker.output / weights).stat().st_size > 10_000
    assert (sagemaker.output / "tokenizer.json").exists()
    assert sagemaker.status()["state"] == "completed"
    assert not (sagemaker.root / "output" / "failure").exists()


def test_a_job_that_fails_says_why_without_secrets(sagemaker: Machine, tmp_path: Path) -> None:
    secret = "a-token-of-no-known-shape"
    training = resolve_training(tmp_path / "source", placed("g6.xlarge"), rows=CHATS)
    sagemaker.put_job(training)
    missing = tmp_path / secret
    missing.mkdir()

    code, output = sagemaker.run(LLMSTRAT_MODEL=str(missing), HF_TOKEN=secret)

    assert code == EXIT_FAILED
    reason = (sagemaker.root / "output" / "failure").read_text()
    assert "exit code 1" in reason
    assert "Error" in reason, "the trainer's own words"
    assert "***" in reason
    assert sagemaker.status()["state"] == "failed"
    assert sagemaker.status()["failure"] == reason
    assert secret not in output + reason + (sagemaker.root / "scratch/log.txt").read_text()


def test_a_base_in_s3_is_named_as_the_spec_does(sagemaker: Machine, tmp_path: Path) -> None:
    own = model({"alias": "assistant", "id": "s3://models/llama/", "base": MODEL})
    training = resolve_training(
        tmp_path / "source",
        placed("g6.xlarge"),
        rows=CHATS,
        of=own,
        method="lora",
        hyperparameters={**QUICK, "max_steps": 1},
    )
    sagemaker.put_job(training)
    channel = sagemaker.root / "input/data/model"
    channel.symlink_to(sagemaker.model)

    code, output = sagemaker.run(LLMSTRAT_MODEL="")

    assert code == EXIT_COMPLETED, output
    adapter = json.loads((sagemaker.output / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == "s3://models/llama/"
