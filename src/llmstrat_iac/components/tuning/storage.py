"""The bucket and the role of a tuning that runs inside AWS: private, encrypted, and emptied when it goes.

The training data is registered only until the job is completed: what the vendor no longer needs isn't kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.policies import Account, Statement, policy_document
from llmstrat_iac.components.tuning.names import TuningNames
from llmstrat_iac.components.workspace import Workspace, create_workspace


def create_storage(names: TuningNames, account: Account, opts: pulumi.ResourceOptions, *, infix: str) -> Workspace:
    """The stack's bucket for tuning."""
    name = account.id.apply(lambda known: names.bucket(known, account.region, infix=infix))
    return create_workspace("tuning", name, opts)


def upload(
    storage: Workspace, key: str, files: Mapping[str, Path], opts: pulumi.ResourceOptions
) -> dict[str, aws.s3.BucketObjectv2]:
    """The converted dataset as objects `KEY/train.jsonl` and `KEY/validation.jsonl`."""
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=storage.ready))
    return {
        channel: aws.s3.BucketObjectv2(
            f"tuning-{key}-{channel}",
            aws.s3.BucketObjectv2Args(
                bucket=storage.bucket.bucket,
                key=f"{key}/{channel}.jsonl",
                source=pulumi.FileAsset(str(path)),
                content_type="application/jsonl",
            ),
            opts=opts,
        )
        for channel, path in files.items()
    }


def create_tuning_role(
    names: TuningNames,
    *,
    trust: list[dict[str, Any]],
    statements: list[Statement],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """The role that jobs run with, and its one policy."""
    role = aws.iam.Role(
        "tuning",
        aws.iam.RoleArgs(
            name=names.role,
            path=names.role_path,
            description="Lets tuning jobs of this stack read its dataset and write their results",
            assume_role_policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": trust}),
        ),
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        "tuning",
        aws.iam.RolePolicyArgs(name="least-privilege", role=role.name, policy=policy_document(statements)),
        opts=opts,
    )
    return role, policy


def trust(service: str, account: Account, source: str) -> dict[str, Any]:
    """A trust statement for a service, for jobs of this account and region only (no confused deputy)."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account.id},
            "ArnLike": {"aws:SourceArn": account.fill(source)},
        },
    }


def data_statements(storage: Workspace) -> list[Statement]:
    """Read datasets, write results, list the bucket: of this stack's bucket alone."""
    return [
        Statement(("s3:GetObject", "s3:PutObject"), [pulumi.Output.concat(storage.bucket.arn, "/*")]),
        Statement(("s3:ListBucket",), [storage.bucket.arn]),
    ]
