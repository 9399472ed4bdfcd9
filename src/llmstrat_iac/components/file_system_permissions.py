"""What whoever deploys a file system must be allowed to do, for every runtime that has one.

From FSx's API as the AWS provider (v6.58.0) calls it, and the Service Authorization Reference for Amazon FSx.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.components.file_system import log_name
from llmstrat_iac.hookspecs import IamStatement

_FSX = "arn:{partition}:fsx:{region}:{account}:"
_ROLES = "arn:{partition}:iam::{account}:role/aws-service-role/"


def file_system_statements(name: str) -> Iterator[IamStatement]:
    """`name` is the file system's."""
    yield IamStatement(
        tuple(
            f"fsx:{each}"
            for each in (
                "CreateDataRepositoryAssociation",
                "CreateFileSystem",
                "DeleteDataRepositoryAssociation",
                "DeleteFileSystem",
                "ListTagsForResource",
                "TagResource",
                "UntagResource",
                "UpdateDataRepositoryAssociation",
                "UpdateFileSystem",
            )
        ),
        (f"{_FSX}file-system/*", f"{_FSX}association/*/*"),
        "the file system and what it shows of S3; ids are chosen by FSx",
    )
    yield IamStatement(
        ("fsx:DescribeDataRepositoryAssociations", "fsx:DescribeFileSystems"),
        (f"{_FSX}file-system/*", f"{_FSX}association/*/*"),
        "looking at file systems",
    )
    # https://docs.aws.amazon.com/fsx/latest/LustreGuide/setting-up.html: FSx makes a role for each linked file system.
    yield IamStatement(
        ("iam:AttachRolePolicy", "iam:CreateServiceLinkedRole", "iam:PutRolePolicy"),
        (f"{_ROLES}fsx.amazonaws.com/*", f"{_ROLES}s3.data-source.lustre.fsx.amazonaws.com/*"),
        "AWS's own roles, by which FSx reaches network and corpus",
    )
    log = "arn:{partition}:logs:{region}:{account}:log-group:" + log_name(name)
    yield IamStatement(
        (
            "logs:CreateLogGroup",
            "logs:DeleteLogGroup",
            "logs:ListTagsForResource",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
            "logs:UntagResource",
        ),
        (log, f"{log}:*"),
        "the file system's log",
    )
