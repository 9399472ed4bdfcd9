"""Rows of DynamoDB, Secrets Manager, S3 and KMS."""

from __future__ import annotations

import pulumi
from aws_case import Case, found

DATA = (
    Case(
        "table", "aws:dynamodb/table:Table",
        lambda m: {
            "billing_mode": "PAY_PER_REQUEST", "hash_key": "pk", "range_key": "sk",
            "attributes": [{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}, {"name": "day", "type": "S"}],
            "global_secondary_indexes": [{"name": "by-day", "hash_key": "day", "projection_type": "ALL"}],
            "ttl": {"enabled": True, "attribute_name": "expires"}, "tags": {"team": "a"},
        },
        lambda m: {
            "point_in_time_recovery": {"enabled": True}, "tags": {"team": "b"}, "deletion_protection_enabled": False,
            "billing_mode": "PROVISIONED", "read_capacity": 2, "write_capacity": 3,
            "global_secondary_indexes": None, "ttl": None,
            "attributes": [{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
        },
        lambda m: {"range_key": "pk", "hash_key": "sk"},
        lambda aws, out: aws("dynamodb").describe_table(TableName=out["id"]),
    ),
    Case(
        "secret", "aws:secretsmanager/secret:Secret",
        lambda m: {"recovery_window_in_days": 0, "description": "one", "tags": {"team": "a"}},
        lambda m: {"description": "two", "tags": {"team": "b"}},
        lambda m: {"name": "fidelity-secret"},
        lambda aws, out: aws("secretsmanager").describe_secret(SecretId=out["id"]),
    ),
    Case(
        "secret-version", "aws:secretsmanager/secretVersion:SecretVersion",
        lambda m: {"secret_id": m["secret"].id, "secret_string": pulumi.Output.secret("s3cr3t-value")},
        lambda m: {"version_stages": ["AWSCURRENT", "blue"]},
        lambda m: {"secret_string": pulumi.Output.secret("s3cr3t-value-2")},
        lambda aws, out: aws("secretsmanager").get_secret_value(SecretId=out["secretId"], VersionId=out["versionId"]),
    ),
    Case(
        "bucket", "aws:s3/bucket:Bucket",
        lambda m: {"force_destroy": True, "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b", "more": "1"}},
        lambda m: {"bucket": "fidelity-bucket-by-name"},
        lambda aws, out: aws("s3").head_bucket(Bucket=out["id"]),
    ),
    Case(
        "public-access", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda m: {"bucket": m["home-bucket"].id, "block_public_acls": True},
        lambda m: {"block_public_policy": True, "block_public_acls": False},
        lambda m: {"bucket": m["other-bucket"].id},
        lambda aws, out: aws("s3").get_public_access_block(Bucket=out["id"]),
    ),
    Case(
        "encryption", "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda m: {
            "bucket": m["home-bucket"].id,
            "rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        },
        lambda m: {
            "rules": [
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms", "kms_master_key_id": m["kms-key"].arn,
                    },
                    "bucket_key_enabled": True,
                }
            ]
        },
        lambda m: {"bucket": m["other-bucket"].id},
        lambda aws, out: aws("s3").get_bucket_encryption(Bucket=out["id"]),
    ),
    Case(
        "object", "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda m: {"bucket": m["home-bucket"].id, "key": "a/b.txt", "source": pulumi.StringAsset("one")},
        lambda m: {"source": pulumi.StringAsset("two"), "content_type": "text/plain", "tags": {"team": "b"}},
        lambda m: {"key": "a/c.txt"},
        lambda aws, out: aws("s3").head_object(Bucket=out["bucket"], Key=out["key"]),
    ),
    Case(
        "kms-key", "aws:kms/key:Key",
        lambda m: {"description": "one", "deletion_window_in_days": 7, "tags": {"team": "a"}},
        lambda m: {"description": "two", "enable_key_rotation": True, "tags": {"team": "b"}},
        lambda m: {"multi_region": True},
        lambda aws, out: aws("kms").describe_key(KeyId=out["id"])["KeyMetadata"]["KeyState"] != "PendingDeletion",
    ),
    Case(
        "kms-alias", "aws:kms/alias:Alias",
        lambda m: {"target_key_id": m["kms-key"].key_id},
        lambda m: {"target_key_id": m["other-kms-key"].arn},
        lambda m: {"name": "alias/fidelity"},
        lambda aws, out: found(aws("kms").list_aliases()["Aliases"], AliasName=out["id"]),
    ),
)  # fmt: skip
