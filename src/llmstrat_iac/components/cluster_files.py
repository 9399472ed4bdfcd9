"""What the nodes of a cluster read, in the stack's bucket: the launcher and its job, below `pretraining/KEY/`."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.workspace import Workspace
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.cluster_files import render_cluster_job


def cluster_prefix(key: str) -> str:
    """The job's folder in the bucket, with the slash behind it."""
    return f"pretraining/{key}/"


def upload_cluster_job(
    workspace: Workspace, pretraining: ResolvedPretraining, key: str, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """`code/` of a job."""
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=workspace.ready))
    return [
        aws.s3.BucketObjectv2(
            f"pretraining-{key}-{name.replace('/', '-')}",
            aws.s3.BucketObjectv2Args(
                bucket=workspace.bucket.bucket,
                key=f"{cluster_prefix(key)}code/{name}",
                source=pulumi.StringAsset(text),
            ),
            opts=opts,
        )
        for name, text in render_cluster_job(pretraining, key).items()
    ]
