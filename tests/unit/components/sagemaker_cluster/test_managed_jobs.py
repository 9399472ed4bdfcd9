"""Multi-node jobs as `status` and `wait` see them, and how they go on when their time is over."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

from managed_cluster_kit import STACK
from sagemaker_fakes import Client, Session

from llmstrat_iac.components.sagemaker.jobs import OpenModelJobs
from llmstrat_iac.tuning import JobState, TuningJob, tuning_state

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
IDENTITY = "0123456789ab"
KEY = f"{IDENTITY}-1"
URI = f"s3://bucket/pretraining/{KEY}"


def job(status: dict[str, Any] | None = None, key: str = KEY, **changes: Any) -> TuningJob:
    name = f"{STACK}-{IDENTITY[:8]}"
    raw = {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:1:training-job/{name}",
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
        "CreationTime": START,
        "Environment": {"LLMSTRAT_JOB_URI": URI},
        "StoppingCondition": {"MaxRuntimeInSeconds": 432_000},
    } | changes
    tags = {"llmstrat:stack": STACK, "llmstrat:tuning-job": key}
    client = Client(
        list_training_jobs={"TrainingJobSummaries": [raw]},
        list_tags={"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
        describe_training_job=raw,
    )
    objects = Client(get_object=lambda **_: {"Body": io.BytesIO(json.dumps(status or {}).encode())})
    (found,) = OpenModelJobs(STACK, Session(sagemaker=client, s3=objects)).list()
    assert [asked for _, asked in objects.calls] == [
        {"Bucket": "bucket", "Key": f"pretraining/{KEY}/status.json"},
    ]
    return found


def test_speed_and_loss_are_the_clusters_own() -> None:
    status = {"step": 500, "total_steps": 2000, "tokens_per_second": 91_000, "loss": 2.5, "nodes": 4}
    found = job(status | {"metrics": {"grad_norm": 0.5}})
    assert found.progress == 0.25
    assert found.metrics == {"grad_norm": 0.5, "loss": 2.5, "tokens_per_second": 91_000, "nodes": 4}


def test_the_model_is_where_the_launcher_puts_it() -> None:
    found = job(TrainingJobStatus="Completed", SecondaryStatus="Completed", ModelArtifacts={"S3ModelArtifacts": "s3:x"})
    assert found.model_id == f"{URI}/output/"
    assert found.inputs == {"key": KEY}


def test_a_cluster_that_was_accepted_makes_no_model() -> None:
    found = job(key="gate0123abcd-1", TrainingJobStatus="Completed", SecondaryStatus="Completed")
    assert (found.state, found.makes_model, found.model_id) == (JobState.COMPLETED, False, None)


def test_the_launcher_knows_which_node_it_was() -> None:
    failed = {
        "TrainingJobStatus": "Failed",
        "SecondaryStatus": "Failed",
        "FailureReason": "AlgorithmError: exit code 1",
    }
    said = job({"failure": "the gate: algo-3 reaches 21 GB/s, 280 are expected"}, **failed)
    assert said.failure == "the gate: algo-3 reaches 21 GB/s, 280 are expected"
    assert job({"failure": None}, **failed).failure == "AlgorithmError: exit code 1"


def test_a_job_whose_time_is_over_goes_on_as_the_next_attempt() -> None:
    over = {"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}
    found = job({"step": 500, "total_steps": 2000, "failure": "stopped"}, **over)
    assert (found.state, found.progress) == (JobState.FAILED, 0.25)
    assert "120 hours" in (found.failure or "")
    assert tuning_state([found], IDENTITY).current == found, "`up` alone starts nothing"
    state = tuning_state([found], IDENTITY, retry=True)
    assert (state.current, state.attempt) == (None, 2)
