"""How a job runs, is interrupted, and ends: everything but the training itself (see tests/trainer for that)."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from launcher_kit import job_files, run_launcher, start_launcher, wait_until, write_files

from llmstrat_iac.trainer import EXIT_COMPLETED, EXIT_FAILED, EXIT_INTERRUPTED
from llmstrat_iac.trainer.logs import Log
from llmstrat_iac.trainer.process import Child


class Place:
    """An EC2 instance's folders, and its part of S3 as a folder."""

    def __init__(self, root: Path, bucket: Path) -> None:
        self.root, self.bucket = root, bucket
        write_files(root / "code", job_files(root / "source"))
        (bucket / "data").mkdir(parents=True, exist_ok=True)
        (bucket / "data/train.jsonl").write_text("{}\n")

    @property
    def environ(self) -> dict[str, str]:
        return {"LLMSTRAT_JOB_URI": self.bucket.as_uri(), "LLMSTRAT_WORK": str(self.root)}

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads((self.bucket / "status.json").read_text())
        return status


@pytest.fixture
def ec2(tmp_path: Path) -> Place:
    return Place(tmp_path / "one", tmp_path / "bucket")


@pytest.fixture
def sagemaker(tmp_path: Path) -> Path:
    root = tmp_path / "ml"
    write_files(root / "input/data/code", job_files(tmp_path / "source"))
    write_files(root / "input/data/train", {"train.jsonl": "{}\n"})
    return root


def test_what_it_leaves_on_ec2(ec2: Place, python: Path) -> None:
    code, output = run_launcher(ec2.root / "code", python, **ec2.environ)

    assert code == EXIT_COMPLETED, output
    status = ec2.status()
    assert (status["state"], status["attempt"], status["step"], status["total_steps"]) == ("completed", 1, 4, 4)
    assert status["metrics"] == {"training_loss": 0.25, "trained_tokens": 40.0}
    assert status["finished"] >= status["started"]
    assert (ec2.bucket / "output/adapter_model.safetensors").read_bytes() == b"trained"
    manifest = json.loads((ec2.bucket / "output/manifest.json").read_text())
    assert (
        manifest["model"]
        == json.loads((ec2.bucket / "output/adapter_config.json").read_text())["base_model_name_or_path"]
    )
    assert manifest["steps"] == 4


def test_a_reclaimed_job_goes_on_elsewhere(ec2: Place, python: Path, tmp_path: Path) -> None:
    process = start_launcher(ec2.root / "code", python, FAKE_END="wait", **ec2.environ)
    wait_until((ec2.bucket / "checkpoints/checkpoint-2/complete.json").exists, process)
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=300)[0]
    assert process.returncode == EXIT_INTERRUPTED, output
    assert ec2.status()["state"] == "running"
    kept = {path.parent.name for path in ec2.bucket.glob("checkpoints/*/complete.json")}
    assert kept == {"checkpoint-3"}, "the earlier one has gone"

    other = Place(tmp_path / "two", ec2.bucket)
    code, output = run_launcher(other.root / "code", python, **other.environ)

    assert code == EXIT_COMPLETED, output
    assert f"--resume_from_checkpoint {other.root}/checkpoints/checkpoint-3" in output
    assert other.status()["attempt"] == 2


def test_a_job_that_is_reclaimed_after_its_last_step_has_not_failed(ec2: Place, python: Path, tmp_path: Path) -> None:
    process = start_launcher(ec2.root / "code", python, FAKE_END="late", **ec2.environ)
    wait_until((ec2.bucket / "checkpoints/checkpoint-4/complete.json").exists, process)
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=300)[0]
    assert process.returncode == EXIT_INTERRUPTED, output
    assert ec2.status()["state"] == "running"

    other = Place(tmp_path / "two", ec2.bucket)
    code, output = run_launcher(other.root / "code", python, **other.environ)
    assert code == EXIT_COMPLETED, output


def test_a_trainer_that_does_not_stop_is_killed(ec2: Place, python: Path, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    deaf.write_text('#!/bin/sh\ntrap "" TERM\necho ready >"$LLMSTRAT_EVENTS.ready"\nwhile :; do sleep 1; done\n')
    deaf.chmod(0o755)
    process = start_launcher(ec2.root / "code", deaf, LLMSTRAT_STOP_SECONDS="0.2", **ec2.environ)
    wait_until((ec2.root / "scratch/events.jsonl.ready").exists, process)
    process.send_signal(signal.SIGTERM)

    output = process.communicate(timeout=300)[0]

    assert process.returncode == EXIT_INTERRUPTED, output
    assert "didn't stop in time" in output


def test_a_job_that_is_interrupted_again_and_again_is_given_up(ec2: Place, python: Path) -> None:
    (ec2.bucket / "status.json").write_text(json.dumps({"state": "running", "attempt": 20, "step": 7}))

    code, _ = run_launcher(ec2.root / "code", python, **ec2.environ)

    assert code == EXIT_FAILED
    assert ec2.status()["state"] == "failed"
    assert ec2.status()["failure"] == "interrupted 20 times: not started again"


def test_a_failure_is_told_to_sagemaker(sagemaker: Path, python: Path) -> None:
    place = {"LLMSTRAT_ML_ROOT": str(sagemaker), "LLMSTRAT_WORK": str(sagemaker / "scratch")}

    code, output = run_launcher(sagemaker / "input/data/code", python, FAKE_END="crash", **place)

    assert code == EXIT_FAILED, output
    reason = (sagemaker / "output/failure").read_text()
    assert reason.startswith("the trainer ended with exit code 1\nValueError: the loss is not a number")
    assert json.loads((sagemaker / "checkpoints/status.json").read_text())["failure"] == reason
    assert len(reason) <= 1024, "SageMaker shows no more"


def test_packages_are_installed_as_they_were_pinned(sagemaker: Path, python: Path) -> None:
    place = {"LLMSTRAT_ML_ROOT": str(sagemaker), "LLMSTRAT_WORK": str(sagemaker / "scratch")}

    code, _ = run_launcher(sagemaker / "input/data/code", python, LLMSTRAT_INSTALL="1", FAKE_PIP="1", **place)

    assert code == EXIT_FAILED
    assert "packages can't be installed" in (sagemaker / "output/failure").read_text()


def test_a_gated_model_needs_a_token(tmp_path: Path, python: Path) -> None:
    root = tmp_path / "ml"
    files = job_files(tmp_path / "source")
    job = json.loads(files["job.json"]) | {"gated": True}
    write_files(root / "input/data/code", files | {"job.json": json.dumps(job)})
    write_files(root / "input/data/train", {"train.jsonl": "{}\n"})
    place = {"LLMSTRAT_ML_ROOT": str(root), "LLMSTRAT_WORK": str(root / "scratch")}

    refused, _ = run_launcher(root / "input/data/code", python, **place)
    taken, output = run_launcher(root / "input/data/code", python, HF_TOKEN="a-token-of-mine", **place)

    assert refused == EXIT_FAILED
    assert taken == EXIT_COMPLETED, output
    assert "token: ***" in output


def test_a_half_copied_checkpoint_is_not_resumed_from(sagemaker: Path, python: Path) -> None:
    for step, size in ((2, 2), (3, 1)):
        folder = sagemaker / f"checkpoints/checkpoint-{step}"
        marker = json.dumps({"step": step, "files": {"adapter_model.safetensors": step}})
        write_files(folder, {"adapter_model.safetensors": "w" * size, "complete.json": marker})
    place = {"LLMSTRAT_ML_ROOT": str(sagemaker), "LLMSTRAT_WORK": str(sagemaker / "scratch")}

    code, output = run_launcher(sagemaker / "input/data/code", python, **place)

    assert code == EXIT_COMPLETED, output
    assert "checkpoint-3 is incomplete" in output
    assert "from checkpoint-2" in output


def test_what_the_starter_started_in_another_session_ends_with_it(tmp_path: Path) -> None:
    # torchrun does that with its workers: they would hold on to the GPUs, and keep the log open.
    pid = tmp_path / "pid"
    worker = f"import os, pathlib, time; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)"
    starter = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {worker!r}], start_new_session=True)"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(pid)!r}).exists(): time.sleep(0.01)"
    child = Child(Log(tmp_path / "log.txt", []), poll_seconds=0.05, stop_seconds=5)

    assert child.run([sys.executable, "-c", f"{starter}\n{wait}"], tmp_path, dict(os.environ)) == 0
    process = Path(f"/proc/{pid.read_text()}/stat")
    assert not process.exists() or process.read_text().split()[2] == "Z"


def test_the_reason_is_the_trainers_and_not_torchruns(tmp_path: Path) -> None:
    log = Log(tmp_path / "log.txt", [])
    for line in (
        "[rank0]: RuntimeError: CUDA out of memory",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
        "====",
    ):
        log.line(line)
    assert log.reason().startswith("[rank0]: RuntimeError: CUDA out of memory")
