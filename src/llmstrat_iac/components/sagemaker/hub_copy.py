"""Models of the hub, copied into the stack's bucket by a small training job before anything serves them.

A dynamic resource: it waits, which `aws.sagemaker.TrainingJob` doesn't, and a second `up` starts a new job after one
that has failed. Imported by the provider's process, so it imports pulumi and, when it runs, boto3 only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.tuning.patience import pauses

PATIENCE_SECONDS = 4 * 3600.0
INSTANCE_TYPE = "ml.m5.2xlarge"
_ENTRY = "exec python3 /opt/ml/input/data/code/hub_download.py"
_REPLACE = ("models", "job_name", "bucket", "region")
_OVER = ("Completed", "Failed", "Stopped")


def copy_models(client: Any, props: Mapping[str, Any], *, sleep: Callable[[float], None] = time.sleep) -> str:
    """Run the job, or wait for one that an interrupted `up` has begun; returns the prefix that it has written."""
    name = _unfinished(client, props) or _start(client, props)
    for pause in pauses(PATIENCE_SECONDS):
        job = client.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] == "Completed":
            return str(job["ModelArtifacts"]["S3ModelArtifacts"]).rstrip("/") + "/"
        if job["TrainingJobStatus"] in _OVER:
            reason = job.get("FailureReason") or "no reason given"
            raise RuntimeError(f"the model can't be copied from the hub: {reason} (training job {name})")
        sleep(pause)
    raise RuntimeError(f"the training job {name} isn't over after {PATIENCE_SECONDS / 3600:.0f} hours")


def _unfinished(client: Any, props: Mapping[str, Any]) -> str | None:
    listed = client.list_training_jobs(NameContains=props["job_name"], StatusEquals="InProgress")
    return next((str(job["TrainingJobName"]) for job in listed["TrainingJobSummaries"]), None)


def _start(client: Any, props: Mapping[str, Any]) -> str:
    # Names of jobs that are over stay taken: the time tells a second try from the first.
    name = f"{props['job_name']}-{int(time.time())}"
    client.create_training_job(
        TrainingJobName=name,
        RoleArn=props["role_arn"],
        AlgorithmSpecification={
            "TrainingImage": props["image"],
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/bash", "-c"],
            "ContainerArguments": [_ENTRY],
        },
        InputDataConfig=[
            {
                "ChannelName": "code",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{props['folder']}code/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": f"{props['folder']}output/", "CompressionType": "NONE"},
        ResourceConfig={
            "InstanceType": INSTANCE_TYPE,
            "InstanceCount": 1,
            "VolumeSizeInGB": int(props["volume_gb"]),
        },
        StoppingCondition={"MaxRuntimeInSeconds": int(PATIENCE_SECONDS)},
        EnableInterContainerTrafficEncryption=True,
        Environment={"LLMSTRAT_TOKEN_SECRET": props["token_secret"]} if props.get("token_secret") else {},
        Tags=[{"Key": key, "Value": value} for key, value in sorted(props["tags"].items())],
    )
    return name


class HubCopyProvider(dynamic.ResourceProvider):
    """Reaches AWS by the environment's credentials and endpoint."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        output = copy_models(_client("sagemaker", props), props)
        return dynamic.CreateResult(output, {**props, "output": output})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [name for name in _REPLACE if olds.get(name) != news.get(name)]
        # The new copy is made first: what serves reads the old one until then.
        return dynamic.DiffResult(changes=bool(changed), replaces=changed, delete_before_replace=False)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        client = _client("s3", props)
        prefix = _id.removeprefix(f"s3://{props['bucket']}/")
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=props["bucket"], Prefix=prefix):
            for found in page.get("Contents") or ():
                client.delete_object(Bucket=props["bucket"], Key=found["Key"])


def _client(service: str, props: Mapping[str, Any]) -> Any:
    import boto3

    return boto3.client(service, region_name=props["region"])


_PROVIDER = HubCopyProvider()


class HubCopy(dynamic.Resource, module="llmstrat", name="HubCopy"):
    """Models below an S3 prefix, each in a folder of its own."""

    output: pulumi.Output[str]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(_PROVIDER, name, {**inputs, "output": None}, opts)
