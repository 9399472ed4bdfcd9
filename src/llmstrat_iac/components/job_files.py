"""What a training job reads, in the stack's bucket: the trainer's files and the dataset, below `training/KEY/`."""

from __future__ import annotations

import boto3
import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.tuning.upload import converted_files
from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.open_model import ResolvedTraining
from llmstrat_iac.open_model.trainer_files import render_job


def job_prefix(key: str) -> str:
    """The job's folder in the bucket, with the slash behind it."""
    return f"training/{key}/"


def upload_job(
    workspace: Workspace, training: ResolvedTraining, key: str, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """`code/` and `data/` of a job; the dataset as the trainer wants it."""
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=workspace.ready))
    session = boto3.Session(region_name=training.region)
    assets: dict[str, pulumi.Asset] = {
        f"code/{name}": pulumi.StringAsset(text) for name, text in render_job(training, key).items()
    }
    for channel, path in converted_files(training, session).items():
        assets[f"data/{channel}.jsonl"] = pulumi.FileAsset(str(path))
    return [
        aws.s3.BucketObjectv2(
            f"training-{key}-{name.replace('/', '-')}",
            aws.s3.BucketObjectv2Args(bucket=workspace.bucket.bucket, key=job_prefix(key) + name, source=asset),
            opts=opts,
        )
        for name, asset in assets.items()
    ]
