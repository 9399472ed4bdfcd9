"""Every vendor's jobs in the same words: states, progress, metrics, reasons, and what is history only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from aws_fakes import FakeAccount, error
from vendor_fakes import FakeApi

from llmstrat_iac.components.tuning.bedrock_jobs import BedrockJobs
from llmstrat_iac.components.tuning.gemini_jobs import GeminiJobs
from llmstrat_iac.components.tuning.openai_jobs import OpenAiJobs
from llmstrat_iac.components.tuning.sagemaker_jobs import SageMakerJobs
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.tuning import JobState, TuningJob, tuning_state

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = "0123456789ab-2"
TAGS = [("llmstrat:stack", "demo-dev"), ("llmstrat:tuning-job", KEY)]


def bedrock(
    raw: dict[str, Any], *, models: tuple[str, ...] = ("arn:m",), data: bool = True, tags: Any = TAGS
) -> BedrockJobs:
    whole = {
        "jobName": "demo-dev-support",
        "creationTime": AT,
        "baseModelArn": "arn:aws:bedrock:r::foundation-model/base",
        "trainingDataConfig": {"s3Uri": "s3://b/k/train.jsonl"},
        **raw,
    }
    answers = {
        "list_custom_models": {"modelSummaries": [{"modelArn": arn} for arn in models]},
        "list_model_customization_jobs": {"modelCustomizationJobSummaries": [{"jobArn": "arn:j"}]},
        "list_tags_for_resource": {"tags": [{"key": key, "value": value} for key, value in tags]},
        "get_model_customization_job": whole,
    }
    s3 = {"head_object": {} if data else error("404")}
    return BedrockJobs("demo-dev", FakeAccount({"bedrock": answers, "s3": s3}))


def one(jobs: Any) -> TuningJob:
    (found,) = jobs.list()
    assert isinstance(found, TuningJob)
    return found


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("InProgress", JobState.RUNNING),
        ("Completed", JobState.COMPLETED),
        ("Failed", JobState.FAILED),
        ("Stopping", JobState.RUNNING),
        ("Stopped", JobState.CANCELLED),
    ],
)
def test_bedrocks_states(status: str, state: JobState) -> None:
    assert one(bedrock({"status": status, "outputModelArn": "arn:m"})).state is state


def test_bedrocks_job_in_full() -> None:
    details = {name: {"status": "Completed"} for name in ("validationDetails", "dataProcessingDetails")}
    running = one(bedrock({"status": "InProgress", "statusDetails": details}))
    assert (running.identity, running.attempt, running.inputs["key"]) == ("0123456789ab", 2, KEY)
    assert running.progress == pytest.approx(2 / 3)
    metrics = {"trainingMetrics": {"trainingLoss": 0.5}, "validationMetrics": [{"validationLoss": 0.6}]}
    done = one(bedrock({"status": "Completed", "outputModelArn": "arn:m", **metrics}))
    assert done.metrics == {"training_loss": 0.5, "validation_loss": 0.6}
    failed = one(bedrock({"status": "Failed", "failureMessage": "bad data"}))
    assert failed.failure == "bad data"


def test_bedrocks_history_is_told_from_what_is_there() -> None:
    assert one(bedrock({"status": "Completed", "outputModelArn": "arn:m"}, models=())).deleted is True
    assert one(bedrock({"status": "Completed", "outputModelArn": "arn:m"})).deleted is False
    assert one(bedrock({"status": "Failed"}, data=False)).deleted is True
    assert one(bedrock({"status": "Failed"})).deleted is False
    assert one(bedrock({"status": "InProgress"}, data=False)).deleted is False


def test_other_stacks_jobs_are_not_ours() -> None:
    tags = [("llmstrat:stack", "demo-dev-two"), ("llmstrat:tuning-job", KEY)]
    assert bedrock({"status": "InProgress"}, tags=tags).list() == ()


def test_aws_that_refuses_is_an_error_for_users() -> None:
    account = FakeAccount({"bedrock": {"list_custom_models": error("AccessDeniedException")}})
    with pytest.raises(LlmstratError, match="can't be listed: AccessDeniedException"):
        BedrockJobs("demo-dev", account).list()


def test_sagemakers_job() -> None:
    raw = {
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
        "TrainingJobArn": "arn:t",
        "CreationTime": AT,
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/t"}}}],
        "ServerlessJobConfig": {"BaseModelArn": "arn:base"},
        "ProgressInfo": {"TotalStepCountPerEpoch": 100, "MaxEpoch": 2, "CurrentEpoch": 2, "CurrentStep": 50},
        "FinalMetricDataList": [{"MetricName": "train_loss", "Value": 0.5}],
    }
    answers = {
        "list_training_jobs": {"TrainingJobSummaries": [{"TrainingJobName": "n", "TrainingJobArn": "arn:t"}]},
        "list_tags": {"Tags": [{"Key": key, "Value": value} for key, value in TAGS]},
        "describe_training_job": raw,
    }
    job = one(SageMakerJobs("demo-dev", FakeAccount({"sagemaker": answers})))
    assert (job.state, job.progress, job.metrics) == (JobState.RUNNING, 0.75, {"training_loss": 0.5})
    answers["describe_training_job"] = raw | {"SecondaryStatus": "Starting"}
    assert one(SageMakerJobs("demo-dev", FakeAccount({"sagemaker": answers}))).state is JobState.QUEUED


def openai(status: str, **changes: Any) -> OpenAiJobs:
    raw = {
        "id": "ftjob-1",
        "status": status,
        "metadata": {"llmstrat_stack": "demo-dev", "llmstrat_job": KEY},
        "created_at": AT.timestamp(),
        "model": "base",
        "training_file": "file-1",
        **changes,
    }
    foreign = {**raw, "id": "other", "metadata": None}
    event = {
        "created_at": AT.timestamp(),
        "level": "warn",
        "message": "slow",
        "data": {"step": 5, "total_steps": 20, "train_loss": 1.5},
    }
    things = {
        "/fine_tuning/jobs": {"data": [raw, foreign]},
        "/fine_tuning/jobs/ftjob-1/events": {"data": [event]},
        "/files/file-1": {},
        "/models/ft:m": {},
    }
    return OpenAiJobs("demo-dev", FakeApi(things=things))


def test_openais_job() -> None:
    running = one(openai("running"))
    assert (running.state, running.progress, running.metrics) == (JobState.RUNNING, 0.25, {"training_loss": 1.5})
    assert one(openai("validating_files")).state is JobState.QUEUED
    done = one(openai("succeeded", fine_tuned_model="ft:m", trained_tokens=9000))
    assert (done.model_id, done.deleted, done.metrics["trained_tokens"]) == ("ft:m", False, 9000)
    assert one(openai("succeeded", fine_tuned_model="ft:gone")).deleted is True
    assert one(openai("failed", training_file="gone", error={"message": "bad line 3"})).deleted is True
    assert one(openai("failed", error={"message": "bad line 3"})).failure == "bad line 3"


def test_openais_events_are_the_oldest_first() -> None:
    jobs = openai("running")
    assert [(event.level, event.message) for event in jobs.events(one(jobs))] == [("warning", "slow")]


def gemini(state: str, **changes: Any) -> GeminiJobs:
    raw = {
        "name": "p/tuningJobs/1",
        "state": f"JOB_STATE_{state}",
        "labels": {"llmstrat_stack": "demo-dev", "llmstrat_job": KEY},
        "createTime": "2026-11-24T12:00:00Z",
        "baseModel": "gemini-2.5-flash",
        "supervisedTuningSpec": {"trainingDatasetUri": "gs://b/k/train.jsonl"},
        **changes,
    }
    platform = FakeApi(things={"/p/tuningJobs": {"tuningJobs": [raw]}, "/p/endpoints/1": {}})
    storage = FakeApi(things={"/storage/v1/b/b/o/k%2Ftrain.jsonl": {}})
    return GeminiJobs("demo-dev", "p", platform, storage)


def test_geminis_job() -> None:
    assert one(gemini("PENDING")).state is JobState.QUEUED
    assert one(gemini("PARTIALLY_SUCCEEDED")).state is JobState.FAILED
    tuned = {"model": "p/models/1@1", "endpoint": "p/endpoints/1"}
    stats = {"supervisedTuningDataStats": {"totalBillableTokenCount": "123"}}
    done = one(gemini("SUCCEEDED", tunedModel=tuned, tuningDataStats=stats))
    assert (done.model_id, done.inputs["endpoint"], done.deleted) == ("p/endpoints/1", "p/endpoints/1", False)
    assert done.metrics == {"billable_tokens": 123.0}
    assert one(gemini("SUCCEEDED", tunedModel=tuned | {"endpoint": "p/endpoints/gone"})).deleted is True
    lost = {"trainingDatasetUri": "gs://b/gone"}
    assert one(gemini("FAILED", supervisedTuningSpec=lost, error={"message": "no"})).deleted is True
    assert one(gemini("FAILED", error={"message": "no"})).failure == "no"


def known(identity: str, state: JobState, *, attempt: int = 1, deleted: bool = False) -> TuningJob:
    return TuningJob(identity, f"{identity}-{attempt}", "v", state, attempt=attempt, deleted=deleted, created=AT)


def test_deleted_job_counts_as_an_attempt_only() -> None:
    state = tuning_state([known("a", JobState.COMPLETED, deleted=True)], "a")
    assert (state.current, state.attempt) == (None, 2)


def test_retry_makes_another_attempt() -> None:
    failed = known("a", JobState.FAILED, attempt=3)
    assert tuning_state([failed], "a").current == failed
    again = tuning_state([failed], "a", retry=True)
    assert (again.current, again.attempt) == (None, 4)


def test_model_that_waits_for_the_word_does_not_serve() -> None:
    new, old = known("b", JobState.COMPLETED), known("a", JobState.COMPLETED)
    assert tuning_state([new, old], "b", deploy=False).served == old
    assert tuning_state([new, old], "b").served == new
