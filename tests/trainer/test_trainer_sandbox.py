"""A SageMaker training job in the sandbox, with the real launcher and the real trainer on a tiny model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rendering_kit import KEY, resolve_training
from sandbox_kit import Clients, clients, process
from trainer_kit import wait_for
from tuning_kit import OVER, role

from llmstrat_iac.open_model.trainer_files import render_job

BUCKET = "training"
CHAT = [{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}] * 8


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with process("llmstrat_iac.sandbox.emulator", home=tmp_path_factory.mktemp("emulator")) as url:
        yield clients(url)


def put_job(aws: Clients, folder: Path, **block: Any) -> dict[str, Any]:
    """Put the rendered job into S3; the arguments of its start."""
    training = resolve_training(folder, rows=CHAT, **block)
    files = {f"{KEY}/code/{name}": text.encode() for name, text in render_job(training, KEY).items()}
    files[f"{KEY}/data/train.jsonl"] = (folder / "train.jsonl").read_bytes()
    aws("s3").create_bucket(Bucket=BUCKET)
    for key, content in files.items():
        aws("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    channels = {"code": f"s3://{BUCKET}/{KEY}/code/", "train": f"s3://{BUCKET}/{KEY}/data/train.jsonl"}
    return {
        "TrainingJobName": "real",
        "RoleArn": role(aws, "sagemaker.amazonaws.com"),
        "AlgorithmSpecification": {
            "TrainingImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "training_loss", "Regex": "'loss': '?([-+0-9.eE]+)"}],
        },
        "InputDataConfig": [
            {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
            for name, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/{KEY}/output/", "CompressionType": "NONE"},
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/{KEY}/checkpoints"},
        "ResourceConfig": {"InstanceType": "ml.g6e.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Environment": {"LLMSTRAT_INSTALL": "1"},
    }


def test_a_training_job_is_the_launchers_own(aws: Clients, tmp_path: Path) -> None:
    steps = {"max_steps": 4, "batch_size": 4, "max_length": 64}
    aws("sagemaker").create_training_job(**put_job(aws, tmp_path, method="lora", hyperparameters=steps))

    def describe() -> dict[str, Any]:
        return dict(aws("sagemaker").describe_training_job(TrainingJobName="real"))

    wait_for(lambda: describe()["TrainingJobStatus"] in OVER)
    found = describe()
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    assert found["FinalMetricDataList"][0]["Value"] > 0
    folder = found["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    listed = aws("s3").list_objects_v2(Bucket=BUCKET, Prefix=folder)["Contents"]
    sizes = {item["Key"].removeprefix(f"{folder}/"): item["Size"] for item in listed}
    assert sizes["adapter_model.safetensors"] > 1000
    manifest = json.loads(aws("s3").get_object(Bucket=BUCKET, Key=f"{folder}/manifest.json")["Body"].read())
    assert (manifest["key"], manifest["steps"], manifest["method"]) == (KEY, 4, "lora")
    status = json.loads(aws("s3").get_object(Bucket=BUCKET, Key=f"{KEY}/checkpoints/status.json")["Body"].read())
    assert (status["state"], status["step"]) == ("completed", 4)
    group = "/aws/sagemaker/TrainingJobs"
    assert aws("logs").filter_log_events(logGroupName=group, logStreamNamePrefix="real/")["events"]
