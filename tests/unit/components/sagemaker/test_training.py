"""The training job that a spec becomes: how it starts, resumes, ends, and what it may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components_kit import EXPIRES, Deployed, statements
from sagemaker_kit import GATED, TOKEN, TRAINING, known_job, resolve, run_training, training_of

from llmstrat_iac.components.expiry import at_expression
from llmstrat_iac.tuning import JobState, TuningState

JOB = "aws:sagemaker/trainingJob:TrainingJob"
SECRET = "hf_averysecrettoken"


def job_of(deployed: Deployed) -> dict[str, Any]:
    return dict(deployed.one(JOB).inputs)


def test_the_launcher_starts_without_sagemakers_toolkit(tmp_path: Path) -> None:
    resolved = resolve(
        tmp_path, training=TRAINING | {"dataset": {"train": "train.jsonl", "validation": "validation.jsonl"}}
    )
    key = f"{training_of(resolved).identity}-1"
    job = job_of(run_training(resolved))
    container = job["algorithmSpecification"]
    assert container["containerEntrypoints"] == ["/bin/bash", "-c"]
    assert container["containerArguments"] == ["exec python3 /opt/ml/input/data/code/launch.py"]
    channels = {
        each["channelName"]: each["dataSource"]["s3DataSource"]["s3Uri"].partition(f"training/{key}/")[2]
        for each in job["inputDataConfigs"]
    }
    assert channels == {"code": "code/", "train": "data/train.jsonl", "validation": "data/validation.jsonl"}
    assert job["outputDataConfig"]["s3OutputPath"].endswith(f"training/{key}/output/")
    assert job["outputDataConfig"]["compressionType"] == "NONE"
    assert job["checkpointConfig"]["s3Uri"].endswith(f"training/{key}/checkpoints")
    assert job["checkpointConfig"]["localPath"] == "/opt/ml/checkpoints"
    assert job["resourceConfig"]["instanceType"] == "ml.g6e.xlarge"
    assert job["enableInterContainerTrafficEncryption"] is True
    assert job["environment"]["LLMSTRAT_INSTALL"] == "1"
    assert job["hyperParameters"]["rank"] == "16"
    assert job["tags"] == {"llmstrat:tuning-job": key}


def test_what_the_launcher_reads_is_uploaded_before_the_job_starts(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, training=TRAINING)
    deployed = run_training(resolved)
    uploads = deployed.of("aws:s3/bucketObjectv2:BucketObjectv2")
    prefix = f"training/{training_of(resolved).identity}-1/"
    keys = {each.inputs["key"].removeprefix(prefix) for each in uploads}
    assert {"code/launch.py", "code/job.json", "code/requirements.txt", "data/train.jsonl"} <= keys
    assert {f"{each.type}::{each.name}" for each in uploads} <= deployed.one(JOB).dependencies


def test_weights_in_s3_are_a_channel_that_the_role_may_read(tmp_path: Path) -> None:
    model = {"alias": "main", "id": "s3://own-models/llama/", "base": GATED["id"], "accept_licence": "llama3.1"}
    deployed = run_training(resolve(tmp_path, model=model, training=TRAINING))
    channels = {
        each["channelName"]: each["dataSource"]["s3DataSource"]["s3Uri"]
        for each in job_of(deployed)["inputDataConfigs"]
    }
    assert channels["model"] == "s3://own-models/llama/"
    resources = [each["Resource"] for each in policy(deployed)]
    assert ["arn:aws:s3:::own-models/llama/*"] in resources


def test_spot_waits_longer_than_it_runs_and_keeps_checkpoints(tmp_path: Path) -> None:
    spot = {"capacity": "spot", "max_duration": "4h", "options": {"spot_wait": "12h"}}
    job = job_of(run_training(resolve(tmp_path, training=TRAINING | spot)))
    assert job["enableManagedSpotTraining"] is True
    assert job["stoppingCondition"] == {"maxRuntimeInSeconds": 4 * 3600, "maxWaitTimeInSeconds": 16 * 3600}


def test_on_demand_has_an_end_and_no_wait(tmp_path: Path) -> None:
    job = job_of(run_training(resolve(tmp_path, training=TRAINING | {"max_duration": "4h"})))
    assert job["enableManagedSpotTraining"] is False
    assert job["stoppingCondition"] == {"maxRuntimeInSeconds": 4 * 3600}


def test_the_hubs_token_is_named_and_never_shown(tmp_path: Path) -> None:
    """`DescribeTrainingJob` and `ListTags` show these to whoever may look."""
    deployed = run_training(resolve(tmp_path, model=GATED, training=TRAINING), token=True)
    job = job_of(deployed)
    assert job["environment"]["LLMSTRAT_TOKEN_SECRET"] == TOKEN
    everything = json.dumps([dict(each.inputs) for each in deployed.registrations], default=str)
    assert "HF_TOKEN" not in json.dumps(job, default=str)
    assert SECRET not in everything
    reading = [each for each in policy(deployed) if each["Action"] == ["secretsmanager:GetSecretValue"]]
    assert [each["Resource"] for each in reading] == [[TOKEN]]


def test_without_a_token_the_role_reads_no_secret(tmp_path: Path) -> None:
    deployed = run_training(resolve(tmp_path, training=TRAINING))
    assert not [each for each in policy(deployed) if "secretsmanager" in str(each)]
    assert "LLMSTRAT_TOKEN_SECRET" not in job_of(deployed)["environment"]


def policy(deployed: Deployed) -> list[dict[str, Any]]:
    return statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "training"))


def test_the_role_is_sagemakers_for_this_account_and_writes_below_training_only(tmp_path: Path) -> None:
    deployed = run_training(resolve(tmp_path, training=TRAINING))
    role = deployed.one("aws:iam/role:Role", "training").inputs
    trust = json.loads(role["assumeRolePolicy"])["Statement"][0]
    assert role["path"] == "/llmstrat/support-dev/"
    assert trust["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
    assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": "arn:aws:sagemaker:us-east-1:123456789012:*"}
    wildcard = {"ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"}
    for each in policy(deployed):
        assert not any(action.endswith("*") for action in each["Action"])
        if "*" in each["Resource"]:
            assert set(each["Action"]) <= wildcard
        if "s3:PutObject" in each["Action"]:
            assert all(resource.endswith("/training/*") for resource in each["Resource"])


def test_a_running_job_is_stopped_when_the_stack_expires(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, training=TRAINING, limits={"ttl": "24h"})
    deployed = run_training(resolved, TuningState(known_job(resolved, JobState.RUNNING)))
    schedule = deployed.one("aws:scheduler/schedule:Schedule").inputs
    name = job_of(deployed)["trainingJobName"]
    assert schedule["target"]["arn"].endswith(":aws-sdk:sagemaker:stopTrainingJob")
    assert json.loads(schedule["target"]["input"]) == {"TrainingJobName": name}
    assert schedule["scheduleExpression"] == at_expression(EXPIRES)
    assert len(schedule["name"]) <= 64


def test_a_job_that_is_over_needs_no_end(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, training=TRAINING)
    deployed = run_training(resolved, TuningState(known_job(resolved, JobState.FAILED)))
    assert not deployed.of("aws:scheduler/schedule:Schedule")
    assert not deployed.of("aws:s3/bucketObjectv2:BucketObjectv2")


def test_the_job_whose_model_serves_stays_while_another_is_trained(tmp_path: Path) -> None:
    """Deleting the resource deletes the job, and with it the record of what serves."""
    resolved = resolve(tmp_path, training=TRAINING)
    serving = known_job(resolved, JobState.COMPLETED, identity="0123456789ab")
    deployed = run_training(resolved, TuningState(None, serving))
    names = {each.inputs["trainingJobName"] for each in deployed.of(JOB)}
    assert names == {"support-dev-main-01234567", f"support-dev-main-{training_of(resolved).identity[:8]}"}


def test_a_second_attempt_is_another_job_in_another_folder(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, training=TRAINING)
    job = job_of(run_training(resolved, TuningState(None, attempt=2)))
    assert job["trainingJobName"].endswith("-2")
    assert f"training/{training_of(resolved).identity}-2/" in job["checkpointConfig"]["s3Uri"]
