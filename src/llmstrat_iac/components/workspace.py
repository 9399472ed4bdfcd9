"""What jobs and fleets of a stack share: a bucket, private, encrypted, emptied when it goes; the model's token."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True)
class Workspace:
    """A bucket for datasets, code, checkpoints and models."""

    bucket: aws.s3.Bucket
    ready: list[pulumi.Resource]
    """What must be there before anything is put into it."""
    model_token: pulumi.Output[str] | None = None
    """ARN of the secret that holds the Hugging Face token; None for a model that needs none. Only a role reads it."""

    def uri(self, path: str) -> pulumi.Output[str]:
        """`s3://bucket/path`."""
        return pulumi.Output.concat("s3://", self.bucket.bucket, "/", path)


def create_workspace(logical_name: str, name: pulumi.Input[str], opts: pulumi.ResourceOptions) -> Workspace:
    """A bucket without public access, encrypted with S3's own keys."""
    # Objects that jobs have written are no resources of ours: without `force_destroy` they would keep the bucket.
    bucket = aws.s3.Bucket(logical_name, aws.s3.BucketArgs(bucket=name, force_destroy=True), opts=opts)
    access = aws.s3.BucketPublicAccessBlock(
        logical_name,
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
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(logical_name, bucket=bucket.id, rules=[rule], opts=opts)
    return Workspace(bucket, [bucket, access, encryption])
