"""A job that is the acceptance gate alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_kit import Job, job_in
from pretraining_kit import planned, resolve_pretraining

NODES = ("node-1", "node-2")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    pretraining = resolve_pretraining(planned(nodes=2), cluster={"acceptance": "only", "storage": {"kind": "s3"}})
    return job_in(tmp_path, pretraining)


def test_an_accepted_cluster_ends_without_training(job: Job) -> None:
    assert job.run(*NODES) == [0, 0], (job.root / "node-1.txt").read_text()
    status = job.read("status.json")
    assert (status["state"], status["gate_only"], status["step"], status["total_steps"]) == ("completed", True, 0, 0)
    assert status["metrics"] == {"all_reduce_gb_s": 400.0, "read_gb_s": 2.0, "write_gb_s": 1.0}
    assert status["finished"]
    assert job.read("gate.json")["passed"] is True
    assert "llmstrat_job.cluster.accept" in job.ran
    assert "titan" not in job.ran
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
    assert job.read("status.json")["failure"] == "only 1 node came, and the run needs 2 at least"
    assert job.ran == ""
