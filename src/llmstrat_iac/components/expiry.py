"""Stops what costs money when a stack's time is up, from inside the account: works with all laptops off.

EventBridge Scheduler calls AWS APIs itself ("universal targets"). A wrong target deploys cleanly and fails silently
when it fires, so the table below is tested against botocore's service models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.components.policies import Account, Statement, create_role, trust_document


@dataclass(frozen=True)
class UniversalTarget:
    """One AWS API call that Scheduler can make."""

    service: str
    """The SDK's service id in lower case without spaces."""
    action: str
    """The operation in lowerCamelCase."""
    permission: str
    """The IAM action that the operation needs."""
    members: Sequence[str]
    """The input's members, PascalCase."""


STOP_FUNCTION = UniversalTarget(
    service="lambda",
    action="putFunctionConcurrency",
    permission="lambda:PutFunctionConcurrency",
    members=("FunctionName", "ReservedConcurrentExecutions"),
)
UNIVERSAL_TARGETS = (STOP_FUNCTION,)


def create_expiry(
    name: str,
    names: GatewayNames,
    account: Account,
    *,
    at: datetime,
    function: aws.lambda_.Function,
    opts: pulumi.ResourceOptions,
) -> aws.scheduler.Schedule:
    """A one-time schedule that sets the function's reserved concurrency to zero at `at`."""
    group = aws.scheduler.ScheduleGroup(name, aws.scheduler.ScheduleGroupArgs(name=names.schedule_group), opts=opts)
    role, policy = create_role(
        f"{name}-expiry",
        name=names.expiry_role,
        path=names.role_path,
        description="Lets EventBridge Scheduler stop the relay when the stack expires",
        trust=trust_document("scheduler.amazonaws.com", {"aws:SourceAccount": account.id, "aws:SourceArn": group.arn}),
        statements=[Statement((STOP_FUNCTION.permission,), (function.arn,))],
        opts=opts,
    )
    call = {"FunctionName": function.name, "ReservedConcurrentExecutions": 0}
    return aws.scheduler.Schedule(
        f"{name}-expiry",
        aws.scheduler.ScheduleArgs(
            name=names.expiry_schedule,
            description="Stops the relay when the stack expires",
            group_name=group.name,
            schedule_expression=at_expression(at),
            schedule_expression_timezone="UTC",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            # DELETE would remove the schedule behind Pulumi's back.
            action_after_completion="NONE",
            target=_target(STOP_FUNCTION, account, role, call),
        ),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )


def at_expression(moment: datetime) -> str:
    """Scheduler's expression for one moment; it takes no zone, so the schedule must say UTC."""
    return f"at({moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S})"


def target_arn(target: UniversalTarget, partition: str) -> str:
    """The ARN by which Scheduler knows an API call."""
    return f"arn:{partition}:scheduler:::aws-sdk:{target.service}:{target.action}"


def _target(
    target: UniversalTarget, account: Account, role: aws.iam.Role, call: Mapping[str, Any]
) -> aws.scheduler.ScheduleTargetArgs:
    assert set(call) == set(target.members)
    return aws.scheduler.ScheduleTargetArgs(
        arn=account.partition.apply(lambda partition: target_arn(target, partition)),
        role_arn=role.arn,
        input=pulumi.Output.json_dumps(call),
        retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
            maximum_event_age_in_seconds=3600, maximum_retry_attempts=10
        ),
    )
