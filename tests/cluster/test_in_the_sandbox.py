"""The sandbox's clusters with the cluster's Python: the real launcher on loopback, through the emulator's S3."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cluster_kit import PYTHON
from pretraining_job import PretrainingJob, make_pretraining_job
from pretraining_kit import KEY, planned, resolve_pretraining
from sandbox_kit import clients, eventually, process
from tuning_kit import OVER, role

from llmstrat_iac.pretraining.cluster_files import render_cluster_job

PATIENCE = 300.0
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An emulator, which must leave no process behind."""
    assert os.environ["LLMSTRAT_CLUSTER_PYTHON"] == PYTHON
    with process("llmstrat_iac.sandbox.emulator", home=tmp_path) as found:
        yield found
    assert eventually(lambda: not nodes(found), 10.0)


def nodes(url: str) -> list[str]:
    """Processes of an emulator's nodes: those that look for AWS there."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone meanwhile, or another user's
            if f"AWS_ENDPOINT_URL={url}".encode() in (path / "environ").read_bytes().split(b"\0"):
                found.append(path.name)
    return found


def start(url: str) -> tuple[PretrainingJob, dict[str, Any]]:
    """A job on two nodes, as a stack makes it; and how to ask for it."""
    aws = clients(url)
    job = make_pretraining_job(aws)
    for name, text in render_cluster_job(resolve_pretraining(planned("p4d.24xlarge", 2)), KEY).items():
        job.write(f"code/{name}", text)
    described = job.read("code/job.json") | {"corpus": {"source": f"s3://{job.bucket}/corpus/", "format": "jsonl"}}
    job.write("code/job.json", json.dumps(described))
    aws("s3").put_object(Bucket=job.bucket, Key="corpus/a.jsonl", Body=b'{"text": "a quick brown fox"}\n' * 100)
    code = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{job.uri}/code/"}}
    aws("sagemaker").create_training_job(
        TrainingJobName="real", RoleArn=role(aws, "sagemaker.amazonaws.com"),
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "code", "DataSource": code}],
        OutputDataConfig={"S3OutputPath": f"{job.uri}/sagemaker/", "CompressionType": "NONE"},
        ResourceConfig={"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2, "VolumeSizeInGB": 500},
        StoppingCondition={"MaxRuntimeInSeconds": 3600}, Environment={"LLMSTRAT_JOB_URI": job.uri},
    )  # fmt: skip
    return job, {"TrainingJobName": "real"}


def test_two_nodes_train_a_tiny_model_for_real(url: str) -> None:
    job, named = start(url)
    client = clients(url)("sagemaker")

    def over() -> bool:
        time.sleep(0.5)  # The nodes need the processors.
        return client.describe_training_job(**named)["TrainingJobStatus"] in OVER

    assert eventually(over, PATIENCE)
    status = job.read("status.json")
    assert (status["state"], status["nodes"], status["step"]) == ("completed", 2, 24), status["failure"]
    assert [each["host"] for each in job.read("gate.json")["nodes"]] == ["algo-1", "algo-2"]
    # It has learnt: at the start all 256 bytes are as likely, and the loss is ln 256 = 5.5.
    assert status["loss"] < 5.3
    content = job.content("output/hf/model.safetensors")
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert "model.layers.0.self_attn.q_proj.weight" in header


def test_stopping_the_emulator_stops_its_nodes(url: str) -> None:
    job, _ = start(url)

    def running() -> bool:
        time.sleep(0.5)
        return bool(nodes(url)) and job.state == "running"

    assert eventually(running, PATIENCE)
