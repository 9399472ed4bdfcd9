"""SageMaker's training jobs on instances: refused, timed, interrupted, logged, and what they leave in S3."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from quota_kit import set_quotas
from sandbox_kit import Clients, eventually
from tuning_kit import OVER, bucket, role

LOG = "/aws/sagemaker/TrainingJobs"
JOB = {
    "key": "k-1", "stack": "s", "alias": "a", "model": "org/llama", "revision": "0" * 40, "method": "lora",
    "objective": "sft", "adapter": True, "rank": 16, "data": {"train": "h"}, "trl": "1.16.0",
}  # fmt: skip


def asked(aws: Clients, code: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The arguments of a job of ours on one GPU instance."""
    place, name = bucket(aws, '{"messages": []}', key="k/data/train.jsonl"), f"job-{uuid4().hex[:8]}"
    for file, content in (code or {"job.json": JOB}).items():
        aws("s3").put_object(
            Bucket=place.removeprefix("s3://"), Key=f"k/code/{file}", Body=json.dumps(content).encode()
        )
    channels = {"code": f"{place}/k/code/", "train": f"{place}/k/data/train.jsonl"}
    return {
        "TrainingJobName": name,
        "RoleArn": role(aws, "sagemaker.amazonaws.com"),
        "AlgorithmSpecification": {
            "TrainingImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "training_loss", "Regex": "'loss': '?([-+0-9.eE]+)"}],
        },
        "InputDataConfig": [
            {"ChannelName": channel, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
            for channel, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"{place}/k/output/", "CompressionType": "NONE"},
        "CheckpointConfig": {"S3Uri": f"{place}/k/checkpoints"},
        "ResourceConfig": {"InstanceType": "ml.g6e.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **more,
    }


def spot(seconds: int = 7200) -> dict[str, Any]:
    condition = {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": seconds}
    return {"EnableManagedSpotTraining": True, "StoppingCondition": condition}


def over(aws: Clients, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("sagemaker").describe_training_job(TrainingJobName=name)
        return found if found["TrainingJobStatus"] in OVER else None

    found: dict[str, Any] = eventually(look)
    return found


def below(aws: Clients, uri: str) -> dict[str, bytes]:
    """The objects of a prefix by their names in it."""
    place, _, prefix = uri.removeprefix("s3://").partition("/")
    s3 = aws("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=place, Prefix=prefix).get("Contents", ())]
    return {key.removeprefix(prefix): s3.get_object(Bucket=place, Key=key)["Body"].read() for key in keys}


def test_a_job_leaves_adapter_checkpoints_log_and_metrics(aws: Clients) -> None:
    request = asked(aws)
    aws("sagemaker").create_training_job(**request)
    found = over(aws, request["TrainingJobName"])
    assert found["TrainingJobStatus"] == "Completed"
    assert found["BillableTimeInSeconds"] == found["TrainingTimeInSeconds"]
    assert [item["Status"] for item in found["SecondaryStatusTransitions"]] == ["Starting", "Training", "Completed"]
    assert [item["MetricName"] for item in found["FinalMetricDataList"]] == ["training_loss"]
    assert found["FinalMetricDataList"][0]["Value"] < 1.0

    files = below(aws, found["ModelArtifacts"]["S3ModelArtifacts"] + "/")
    assert set(files) == {"adapter_config.json", "adapter_model.safetensors", "manifest.json"}
    length = int.from_bytes(files["adapter_model.safetensors"][:8], "little")
    assert json.loads(files["adapter_model.safetensors"][8 : 8 + length])["sandbox"]["shape"] == [1]
    manifest = json.loads(files["manifest.json"])
    assert (manifest["revision"], manifest["adapter"], manifest["rank"]) == (JOB["revision"], True, 16)
    checkpoints = below(aws, request["CheckpointConfig"]["S3Uri"] + "/")
    assert {"checkpoint-75/trainer_state.json", "checkpoint-75/complete.json"} <= set(checkpoints)
    assert json.loads(checkpoints["status.json"])["state"] == "completed"
    prefix = f"{request['TrainingJobName']}/"
    events = aws("logs").filter_log_events(logGroupName=LOG, logStreamNamePrefix=prefix)["events"]
    assert len(events) == 10
    assert "'loss'" in events[0]["message"]


def test_what_is_written_is_there_without_asking_sagemaker(aws: Clients) -> None:
    request = asked(aws)
    aws("sagemaker").create_training_job(**request)
    output = request["OutputDataConfig"]["S3OutputPath"]
    assert eventually(lambda: any(name.endswith("manifest.json") for name in below(aws, output)))


def test_reclaimed_spot_capacity_interrupts_the_job_once(aws: Clients) -> None:
    request = asked(aws, TrainingJobName=f"fault-reclaim-{uuid4().hex[:6]}", **spot())
    aws("sagemaker").create_training_job(**request)
    found = over(aws, request["TrainingJobName"])
    words = [item["Status"] for item in found["SecondaryStatusTransitions"]]
    assert words == ["Starting", "Training", "Interrupted", "Restarting", "Training", "Completed"]
    assert found["BillableTimeInSeconds"] < found["TrainingTimeInSeconds"]


def test_a_failed_job_says_why(aws: Clients) -> None:
    request = asked(aws, TrainingJobName=f"fault-data-{uuid4().hex[:6]}")
    aws("sagemaker").create_training_job(**request)
    found = over(aws, request["TrainingJobName"])
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Failed", "Failed")
    assert found["FailureReason"].startswith("AlgorithmError: the training data isn't what")
    assert not below(aws, request["OutputDataConfig"]["S3OutputPath"])


def test_a_stopped_job_leaves_no_model(aws: Clients) -> None:
    request = asked(aws, TrainingJobName=f"fault-slow-{uuid4().hex[:6]}")
    aws("sagemaker").create_training_job(**request)
    aws("sagemaker").stop_training_job(TrainingJobName=request["TrainingJobName"])
    assert over(aws, request["TrainingJobName"])["TrainingJobStatus"] == "Stopped"
    assert not below(aws, request["OutputDataConfig"]["S3OutputPath"])


def test_a_model_is_an_archive_unless_asked_otherwise(aws: Clients) -> None:
    request = asked(aws)
    del request["OutputDataConfig"]["CompressionType"]
    aws("sagemaker").create_training_job(**request)
    artifact = over(aws, request["TrainingJobName"])["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifact.endswith("/output/model.tar.gz")
    (content,) = below(aws, artifact).values()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert "manifest.json" in tar.getnames()


def test_a_copy_of_hub_models_leaves_their_folders(aws: Clients) -> None:
    plan = {"models": [{"id": "org/llama", "revision": "0" * 40, "folder": "base"}]}
    request = asked(aws, {"copy.json": plan})
    aws("sagemaker").create_training_job(**request)
    artifact = over(aws, request["TrainingJobName"])["ModelArtifacts"]["S3ModelArtifacts"]
    assert set(below(aws, f"{artifact}/")) == {"base/config.json", "base/model.safetensors"}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"ResourceConfig": {}}, "ResourceConfig and AlgorithmSpecification"),
        (spot(60), "Invalid MaxWaitTimeInSeconds"),
        ({"StoppingCondition": spot()["StoppingCondition"]}, "only when EnableManagedSpotTraining"),
    ],
)
def test_what_sagemaker_refuses_is_refused(aws: Clients, changes: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        aws("sagemaker").create_training_job(**asked(aws, **changes))


@pytest.mark.parametrize(("more", "use"), [({}, "training job usage"), (spot(), "spot training job usage")])
def test_quotas_count_what_runs(emulator_url: str, aws: Clients, more: dict[str, Any], use: str) -> None:
    resources = {"InstanceType": "ml.p5.48xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100}
    set_quotas(emulator_url, {f"ml.p5.48xlarge for {use}": 1})
    try:
        name = f"fault-slow-{uuid4().hex[:6]}"
        aws("sagemaker").create_training_job(**asked(aws, TrainingJobName=name, ResourceConfig=resources, **more))
        with pytest.raises(
            ClientError, match=f"'ml.p5.48xlarge for {use}' is 1 Instances, with current utilization of 1"
        ):
            aws("sagemaker").create_training_job(**asked(aws, ResourceConfig=resources, **more))
        aws("sagemaker").stop_training_job(TrainingJobName=name)
    finally:
        set_quotas(emulator_url, {})
