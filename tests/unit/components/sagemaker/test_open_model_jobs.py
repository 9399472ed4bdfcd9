"""Trainings as `status` and `wait` see them: their state, progress, metrics, result, log and failure."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sagemaker_fakes import Client, Session, refusal
from sagemaker_kit import STACK

from llmstrat_iac.components.sagemaker.jobs import OpenModelJobs
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.tuning import JobState, TuningJob

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = "0123456789ab-2"
NAME = f"{STACK}-main-01234567-2"


def description(**changes: Any) -> dict[str, Any]:
    found = {
        "TrainingJobName": NAME,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:1:training-job/{NAME}",
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
        "CreationTime": START,
        "HyperParameters": {"method": "lora", "rank": "16"},
        "CheckpointConfig": {"S3Uri": f"s3://artifacts/training/{KEY}/checkpoints"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 14400},
        "SecondaryStatusTransitions": [{"Status": "Training", "StartTime": START, "StatusMessage": "Training"}],
    }
    return found | changes


def jobs(
    raw: dict[str, Any], *, status: object = None, logs: Client | None = None, stack: str = STACK
) -> OpenModelJobs:
    tags = [{"Key": "llmstrat:stack", "Value": stack}, {"Key": "llmstrat:tuning-job", "Value": KEY}]
    client = Client(
        list_training_jobs={
            "TrainingJobSummaries": [
                {"TrainingJobName": raw["TrainingJobName"], "TrainingJobArn": raw["TrainingJobArn"]}
            ]
        },
        list_tags={"Tags": tags},
        describe_training_job=raw,
    )
    body = refusal("NoSuchKey") if status is None else lambda **_: {"Body": io.BytesIO(json.dumps(status).encode())}
    return OpenModelJobs(STACK, Session(sagemaker=client, s3=Client(get_object=body), logs=logs or Client()))


def only(found: OpenModelJobs) -> TuningJob:
    (job,) = found.list()
    return job


@pytest.mark.parametrize(
    ("status", "secondary", "state"),
    [
        ("InProgress", "Starting", JobState.QUEUED),
        ("InProgress", "Downloading", JobState.RUNNING),
        ("InProgress", "Interrupted", JobState.RUNNING),
        ("Completed", "Completed", JobState.COMPLETED),
        ("Failed", "Failed", JobState.FAILED),
        ("Stopped", "Stopped", JobState.CANCELLED),
        ("Stopped", "MaxRuntimeExceeded", JobState.FAILED),
        ("Stopped", "MaxWaitTimeExceeded", JobState.FAILED),
    ],
)
def test_states_are_the_same_words_for_all_vendors(status: str, secondary: str, state: JobState) -> None:
    job = only(jobs(description(TrainingJobStatus=status, SecondaryStatus=secondary)))
    assert (job.identity, job.attempt, job.state) == ("0123456789ab", 2, state)


def test_a_completed_job_says_where_its_weights_are() -> None:
    uri = f"s3://artifacts/training/{KEY}/output/{NAME}/output/model"
    job = only(jobs(description(TrainingJobStatus="Completed", ModelArtifacts={"S3ModelArtifacts": uri})))
    assert job.model_id == uri + "/"
    assert job.inputs == {"key": KEY, "rank": "16"}
    assert job.progress == 1.0


def test_all_weights_have_no_rank() -> None:
    assert only(jobs(description(HyperParameters={"method": "full"}))).inputs == {"key": KEY}


def test_progress_and_metrics_are_the_launchers() -> None:
    status = {"step": 30, "total_steps": 120, "metrics": {"training_loss": 0.75, "phase": "train"}}
    metrics = [{"MetricName": "training_loss", "Value": 0.9}, {"MetricName": "epoch", "Value": 1.5}]
    job = only(jobs(description(FinalMetricDataList=metrics), status=status))
    assert job.progress == 0.25
    assert job.metrics == {"training_loss": 0.75, "epoch": 1.5}


@pytest.mark.parametrize("status", [None, [], {}, {"step": 3, "total_steps": 0}, {"step": None, "total_steps": 5}])
def test_progress_that_nobody_knows_is_unknown(status: object) -> None:
    assert only(jobs(description(), status=status)).progress is None


def test_a_failure_is_said_as_sagemaker_says_it() -> None:
    raw = description(TrainingJobStatus="Failed", SecondaryStatus="Failed", FailureReason="AlgorithmError: CUDA OOM")
    assert only(jobs(raw)).failure == "AlgorithmError: CUDA OOM"


def test_running_out_of_time_is_a_failure_with_the_limit() -> None:
    raw = description(TrainingJobStatus="Stopped", SecondaryStatus="MaxRuntimeExceeded")
    assert only(jobs(raw)).failure == "it ran out of time (`max_duration` is 4 hours)"


def test_serverless_customizations_and_other_stacks_jobs_are_left_alone() -> None:
    assert jobs(description(ServerlessJobConfig={"BaseModelArn": "arn"})).list() == ()
    assert jobs(description(), stack="other-dev").list() == ()


def test_the_log_is_told_in_the_order_of_time() -> None:
    millis = int(START.timestamp() * 1000)
    logs = Client(
        filter_log_events={
            "events": [
                {"timestamp": millis + 2000, "message": "{'loss': 1.2}\n"},
                {"timestamp": millis - 1000, "message": "installing"},
            ]
        }
    )
    found = jobs(description(), logs=logs)
    assert [event.message for event in found.events(only(found))] == ["installing", "Training", "{'loss': 1.2}"]
    assert logs.calls[0][1] == {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": f"{NAME}/"}


def test_without_a_log_yet_there_are_the_transitions() -> None:
    found = jobs(description(), logs=Client(filter_log_events=refusal("ResourceNotFoundException")))
    assert [event.message for event in found.events(only(found))] == ["Training"]


def test_a_log_that_may_not_be_read_is_an_error_that_says_so() -> None:
    found = jobs(description(), logs=Client(filter_log_events=refusal("AccessDeniedException", "not allowed")))
    with pytest.raises(LlmstratError, match=r"log of the job .* can't be read: AccessDeniedException"):
        list(found.events(only(found)))
