"""Stops what costs money when a stack's time is up, from inside the account: works with all laptops off.

EventBridge Scheduler calls AWS APIs itself ("universal targets"). A wrong target deploys cleanly and fails silently
when it fires, so the table below is tested against botocore's service models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.policies import Account, Statement, create_role, trust_document
from llmstrat_iac.spec.moments import format_moment


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
    """The input's members in PascalCase, which Scheduler wants of APIs that write them otherwise, too."""


STOP_FUNCTION = UniversalTarget(
    service="lambda",
    action="putFunctionConcurrency",
    permission="lambda:PutFunctionConcurrency",
    members=("FunctionName", "ReservedConcurrentExecutions"),
)
STOP_GROUP = UniversalTarget(
    service="autoscaling",
    action="updateAutoScalingGroup",
    permission="autoscaling:UpdateAutoScalingGroup",
    members=("AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity"),
)
TERMINATE_INSTANCES = UniversalTarget(
    service="ec2", action="terminateInstances", permission="ec2:TerminateInstances", members=("InstanceIds",)
)
STOP_TRAINING_JOB = UniversalTarget(
    service="sagemaker",
    action="stopTrainingJob",
    permission="sagemaker:StopTrainingJob",
    members=("TrainingJobName",),
)
DELETE_ENDPOINT = UniversalTarget(
    service="sagemaker", action="deleteEndpoint", permission="sagemaker:DeleteEndpoint", members=("EndpointName",)
)
DELETE_INFERENCE_COMPONENT = UniversalTarget(
    service="sagemaker",
    action="deleteInferenceComponent",
    permission="sagemaker:DeleteInferenceComponent",
    members=("InferenceComponentName",),
)
DELETE_FILE_SYSTEM = UniversalTarget(
    service="fsx",
    action="deleteFileSystem",
    permission="fsx:DeleteFileSystem",
    members=("FileSystemId", "LustreConfiguration"),
)
DELETE_CLUSTER = UniversalTarget(
    service="sagemaker", action="deleteCluster", permission="sagemaker:DeleteCluster", members=("ClusterName",)
)
DELETE_THROUGHPUT = UniversalTarget(
    service="bedrock",
    action="deleteProvisionedModelThroughput",
    permission="bedrock:DeleteProvisionedModelThroughput",
    members=("ProvisionedModelId",),
)
UNIVERSAL_TARGETS = (
    STOP_FUNCTION,
    STOP_GROUP,
    TERMINATE_INSTANCES,
    STOP_TRAINING_JOB,
    DELETE_ENDPOINT,
    DELETE_INFERENCE_COMPONENT,
    DELETE_FILE_SYSTEM,
    DELETE_CLUSTER,
    DELETE_THROUGHPUT,
)


@dataclass(frozen=True)
class ExpiryNames:
    """Names of one set of schedules, their group and the role that they call AWS with."""

    group: str
    role: str
    role_path: str


@dataclass(frozen=True)
class StopCall:
    """One call that stops one thing."""

    target: UniversalTarget
    name: str
    """Of the schedule, at most 64 characters; unique in the account and region's group."""
    what: str
    """What it stops, in words."""
    input: Mapping[str, Any]
    resource: pulumi.Input[str]
    """ARN that the call is allowed on."""
    after: timedelta = timedelta()
    """How long after the others: what they still use goes later."""


def create_expiry(
    name: str,
    names: ExpiryNames,
    account: Account,
    *,
    at: datetime,
    calls: Sequence[StopCall],
    opts: pulumi.ResourceOptions,
) -> list[aws.scheduler.Schedule]:
    """A one-time schedule for each call, all at `at`, in a group and with a role of their own."""
    group = aws.scheduler.ScheduleGroup(name, aws.scheduler.ScheduleGroupArgs(name=names.group), opts=opts)
    role, policy = create_role(
        f"{name}-expiry",
        name=names.role,
        path=names.role_path,
        description="Lets EventBridge Scheduler stop what costs money when the stack expires",
        trust=trust_document("scheduler.amazonaws.com", {"aws:SourceAccount": account.id, "aws:SourceArn": group.arn}),
        statements=[Statement((call.target.permission,), (call.resource,)) for call in calls],
        opts=opts,
    )
    return [
        aws.scheduler.Schedule(
            f"{name}-expiry" if number == 0 else f"{name}-expiry-{number + 1}",
            aws.scheduler.ScheduleArgs(
                name=call.name,
                description=f"Stops {call.what} when the stack expires",
                group_name=group.name,
                schedule_expression=at_expression(at + call.after),
                schedule_expression_timezone="UTC",
                flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                # DELETE would remove the schedule behind Pulumi's back.
                action_after_completion="NONE",
                target=_target(call.target, account, role, call.input),
            ),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
        )
        for number, call in enumerate(calls)
    ]


def at_expression(moment: datetime) -> str:
    """Scheduler's expression for one moment; it takes no zone, so the schedule must say UTC."""
    return f"at({moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S})"


def last_start(expires: datetime | None) -> str | None:
    """Until when the clock may start what the expiry stops, RFC 3339: in the expiry's own minute either may come first.

    Stopping something doesn't end its own schedules: the next morning's would bring it back.
    """
    return None if expires is None else format_moment(expires - timedelta(minutes=1))


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
