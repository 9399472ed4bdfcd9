"""A job that is the acceptance gate alone: the real launcher on two nodes, with a program that plays torchrun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pretraining_kit import KEY, planned, resolve_pretraining

from llmstrat_iac.pretraining.cluster_files import render_cluster_job

NODES = ("node-1", "node-2")
PATIENCE = 120
# Called as python is: notes the module, and writes what `cluster.accept` would have measured.
TORCHRUN = """#!{python}
import json, os, pathlib, sys
root = pathlib.Path({root!r})
with (root / "ran").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
nodes = [{{"node": each, "gpus": 0, "efa": 0, "read_gb_s": 1.0, "write_gb_s": 0.5}} for each in (0, 1)]
measured = {{"all_reduce_gb_s": {speed}, "nodes": nodes, "links": [[0, 1, {speed}], [1, 0, {speed}]]}}
pathlib.Path(os.environ["LLMSTRAT_RESULT"]).write_text(json.dumps(measured))
"""


@dataclass
class Job:
    """A job in a folder that plays S3."""

    root: Path

    def run(self, *names: str, patience: str = "60", speed: float = 400.0) -> list[int]:
        """One launcher on each node, until they end; what they exit with."""
        torchrun = self.root / "python"
        torchrun.write_text(TORCHRUN.format(python=sys.executable, root=str(self.root), speed=speed))
        torchrun.chmod(0o755)
        running = [self._start(name, number, patience) for number, name in enumerate(names, 2)]
        try:
            return [process.wait(PATIENCE) for process in running]
        finally:
            for process in running:
                process.kill()

    def _start(self, name: str, number: int, patience: str) -> subprocess.Popen[bytes]:
        variables = {
            "LLMSTRAT_JOB_URI": (self.root / "bucket").as_uri(),
            "LLMSTRAT_WORK": str(self.root / name),
            "LLMSTRAT_HOST": name,
            "LLMSTRAT_ADDRESS": f"127.0.0.{number}",
            "LLMSTRAT_INTERFACE": "lo",
            "LLMSTRAT_CPU": "1",
            "LLMSTRAT_TRAINER_PYTHON": str(self.root / "python"),
            "LLMSTRAT_POLL_SECONDS": "0.05",
            "LLMSTRAT_BEAT_SECONDS": "0.1",
            "LLMSTRAT_PATIENCE_SECONDS": "60",
            "LLMSTRAT_START_SECONDS": patience,
        }
        command = [sys.executable, str(self.root / "code" / "cluster_launch.py")]
        with (self.root / f"{name}.txt").open("wb") as log:
            return subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log)

    def read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / "bucket" / name).read_text())
        return content

    @property
    def ran(self) -> str:
        """What torchrun was started with."""
        path = self.root / "ran"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    pretraining = resolve_pretraining(planned(nodes=2), cluster={"acceptance": "only", "storage": {"kind": "s3"}})
    for name, text in render_cluster_job(pretraining, KEY).items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Job(tmp_path)


def test_an_accepted_cluster_ends_without_training(job: Job) -> None:
    assert job.run(*NODES) == [0, 0], (job.root / "node-1.txt").read_text()
    status = job.read("status.json")
    assert (status["state"], status["gate_only"], status["step"], status["total_steps"]) == ("completed", True, 0, 0)
    assert status["metrics"] == {"all_reduce_gb_s": 400.0, "read_gb_s": 2.0, "write_gb_s": 1.0}
    assert status["finished"]
    assert job.read("gate.json")["passed"] is True
    assert "llmstrat_job.cluster.accept" in job.ran
    assert "titan_job" not in job.ran
    assert not (job.root / "node-1" / "tokenizer").exists(), "nothing is fetched that only a training reads"
    assert not (job.root / "bucket" / "output").exists()


def test_a_refused_one_fails_with_the_reason(job: Job) -> None:
    assert job.run(*NODES, speed=2.0) == [1, 1]
    status = job.read("status.json")
    assert (status["state"], status["gate_only"]) == ("failed", True)
    assert "the nodes exchange 2 GB/s, less than 280" in status["failure"]
    assert job.read("gate.json")["passed"] is False


def test_fewer_nodes_than_planned_are_another_cluster(job: Job) -> None:
    """And those that have come don't wait as a training would, whose work is worth it."""
    assert job.run("node-1", patience="0.5") == [1]
    assert job.read("status.json")["failure"] == "only 1 nodes came, and the run needs 2 at least"
    assert job.ran == ""
