"""The role by which API Gateway writes logs: one per account and region, shared by everything there.

Adopts the role that is set; creates and sets one only if there is none; never changes or deletes it, because other
stacks' logging would break. (`aws.apigateway.Account` resets it on delete, hence a dynamic resource.)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.names import ACCOUNT_LOG_ROLE, ACCOUNT_ROLE_PATH

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
_ATTEMPTS, _PAUSE_SECONDS = 12, 5.0
"""A new role takes up to a minute until API Gateway can assume it; until then UpdateAccount is a BadRequest."""


@dataclass(frozen=True)
class LogRole:
    """The role that is set now."""

    arn: str
    adopted: bool
    """Whether it was there before."""


def ensure_log_role(
    apigateway: Any, iam: Any, *, partition: str, sleep: Callable[[float], None] = time.sleep
) -> LogRole:
    """Return the account's role for API Gateway's logs, creating and setting it if there is none."""
    present = current_log_role(apigateway)
    if present is not None:
        return LogRole(present, adopted=True)
    arn = _create_role(iam, partition)
    patch = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": arn}]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            apigateway.update_account(patchOperations=patch)
            break
        except apigateway.exceptions.BadRequestException:
            if attempt == _ATTEMPTS:
                raise
            sleep(_PAUSE_SECONDS)
    return LogRole(arn, adopted=False)


def current_log_role(apigateway: Any) -> str | None:
    """The ARN that is set, or None."""
    return apigateway.get_account().get("cloudwatchRoleArn") or None


def _create_role(iam: Any, partition: str) -> str:
    try:
        role = iam.create_role(
            RoleName=ACCOUNT_LOG_ROLE,
            Path=ACCOUNT_ROLE_PATH,
            AssumeRolePolicyDocument=_TRUST,
            Description="Lets API Gateway write logs: account-wide, kept when stacks are destroyed",
        )
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName=ACCOUNT_LOG_ROLE)
    iam.attach_role_policy(
        RoleName=ACCOUNT_LOG_ROLE,
        PolicyArn=f"arn:{partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    )
    return str(role["Role"]["Arn"])


class AccountLogRoleProvider(dynamic.ResourceProvider):
    """Reaches AWS by the environment's credentials and endpoint."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        import boto3

        region = props["region"]
        session = boto3.Session(region_name=region)
        role = ensure_log_role(
            session.client("apigateway"),
            session.client("iam"),
            partition=session.get_partition_for_region(region),
        )
        return dynamic.CreateResult(region, {"region": region, "role_arn": role.arn, "adopted": role.adopted})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = olds.get("region") != news.get("region")
        return dynamic.DiffResult(changes=changed, replaces=["region"] if changed else [])

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        import boto3

        arn = current_log_role(boto3.client("apigateway", region_name=props["region"]))
        return dynamic.ReadResult(id_, {**props, "role_arn": arn}) if arn else dynamic.ReadResult(None, {})


_PROVIDER = AccountLogRoleProvider()


class AccountLogRole(dynamic.Resource, module="llmstrat", name="AccountLogRole"):
    """The account's role for API Gateway's logs in one region; destroying the resource leaves the role."""

    role_arn: pulumi.Output[str]
    adopted: pulumi.Output[bool]

    def __init__(self, name: str, *, region: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(_PROVIDER, name, {"region": region, "role_arn": None, "adopted": None}, opts)
