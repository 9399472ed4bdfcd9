"""The bucket and the role of a tuning that runs inside AWS: private, encrypted, and emptied when it goes.

The training data is registered only until the job is completed: what the vendor no longer needs isn't kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.policies import Account, Statement, policy_document
from llmstrat_iac.components.tuning.names import TuningNames


@dataclass(frozen=True)
class Storage:
    """A bucket for datasets and what jobs write."""

    bucket: aws.s3.Bucket
    ready: list[pulumi.Resource]
    """What must be there before anything is put into it."""

    def uri(self, path: str) -> pulumi.Output[str]:
        """`s3://bucket/path`."""
        return pulumi.Output.concat("s3://", self.bucket.bucket, "/", path)


def create_storage(names: TuningNames, account: Account, opts: pulumi.ResourceOptions, *, infix: str) -> Storage:
    """The stack's bucket: no public access, encrypted with S3's own keys."""
    name = account.id.apply(lambda known: names.bucket(known, account.region, infix=infix))
    # Objects that jobs have written are no resources of ours: without `force_destroy` they would keep the bucket.
    bucket = aws.s3.Bucket("tuning", aws.s3.BucketArgs(bucket=name, force_destroy=True), opts=opts)
    access = aws.s3.BucketPublicAccessBlock(
        "tuning",
        aws.s3.BucketPublicAccessBlockArgs(
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        ),
        opts=opts,
    )
    default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256"
    )
    rule = aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(apply_server_side_encryption_by_default=default)
    encryption = aws.s3.BucketServerSideEncryptionConfiguration("tuning", bucket=bucket.id, rules=[rule], opts=opts)
    return Storage(bucket, [bucket, access, encryption])


def upload(
    storage: Storage, key: str, files: Mapping[str, Path], opts: pulumi.ResourceOptions
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


def data_statements(storage: Storage) -> list[Statement]:
    """Read datasets, write results, list the bucket: of this stack's bucket alone."""
    return [
        Statement(("s3:GetObject", "s3:PutObject"), [pulumi.Output.concat(storage.bucket.arn, "/*")]),
        Statement(("s3:ListBucket",), [storage.bucket.arn]),
    ]
