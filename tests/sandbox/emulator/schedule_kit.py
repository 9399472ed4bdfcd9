"""Schedules as `components.expiry` makes them, and things that cost money for them to stop."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from compute_kit import Place
from hosting_kit import make_config, make_endpoint, make_model, settled
from rest_api import BUFFERED, archive, make_api
from sandbox_kit import Clients
from test_clusters import asked as cluster_asked
from test_clusters import in_service
from test_clusters import status as cluster_status
from test_lustre import create as create_file_system
from test_sagemaker_instances import asked as training_asked
from test_sagemaker_instances import over
from tuning_kit import model, role

from llmstrat_iac.components.expiry import at_expression
from llmstrat_iac.sandbox.advance import Firing, move_clock

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Victim:
    """Something that costs money: the call that stops it, what the call is allowed on, and whether it has stopped."""

    input: dict[str, Any]
    resource: str
    stopped: Callable[[], bool]


@dataclass
class Alarm:
    """Schedules in a group and with a role of their own, as `components.expiry` makes them."""

    url: str
    aws: Clients
    name: str = field(default_factory=lambda: f"alarm-{secrets.token_hex(4)}")
    conditions: dict[str, str] = field(default_factory=dict)

    def role(self, action: str, resource: str, service: str = "scheduler.amazonaws.com") -> str:
        """A role that the group's schedules call with; its ARN."""
        group = self.aws("scheduler").create_schedule_group(Name=self.name)["ScheduleGroupArn"]
        equal = {"aws:SourceAccount": "000000000000", "aws:SourceArn": group, **self.conditions}
        trust = {
            "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": equal},
        }  # fmt: skip
        allow = {"Effect": "Allow", "Action": [action], "Resource": [resource]}
        made = self.aws("iam").create_role(
            RoleName=self.name, Path="/llmstrat/", AssumeRolePolicyDocument=document(trust)
        )
        self.aws("iam").put_role_policy(RoleName=self.name, PolicyName="p", PolicyDocument=document(allow))
        return str(made["Role"]["Arn"])

    def set(self, arn: str, role_arn: str, call: dict[str, Any] | str, **more: Any) -> None:
        """A schedule in an hour's time."""
        told = call if isinstance(call, str) else json.dumps(call)
        retry = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
        self.aws("scheduler").create_schedule(
            **{
                "Name": self.name, "GroupName": self.name, "FlexibleTimeWindow": {"Mode": "OFF"},
                "ScheduleExpression": at_expression(self.now() + HOUR), "ScheduleExpressionTimezone": "UTC",
                "Target": {"Arn": arn, "RoleArn": role_arn, "Input": told, "RetryPolicy": retry}, **more,
            }
        )  # fmt: skip

    def now(self) -> datetime:
        return move_clock(port(self.url), timedelta()).now

    def pass_by(self, by: timedelta = HOUR) -> list[Firing]:
        """What of ours has fired when the clock has moved."""
        return [each for each in move_clock(port(self.url), by).fired if each.name.startswith(self.name)]


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def function(place: Place) -> Victim:
    api = make_api(place.url, place.clients, f"stopped-{secrets.token_hex(3)}")
    arn = api.function("relay", archive({"main.py": (BUFFERED, 0o644)}))
    api.method("ask", arn, stream=False)
    api.deploy()
    assert api.call("/ask").status == 200
    call = {"FunctionName": arn.rpartition(":")[2], "ReservedConcurrentExecutions": 0}
    return Victim(call, arn, lambda: api.call("/ask").status != 200)


def group(place: Place) -> Victim:
    name = place.scale(place.template())
    found = place.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    assert len(found["Instances"]) == 1
    call = {"AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
    return Victim(call, found["AutoScalingGroupARN"], lambda: not place.members(name))


def instance(place: Place) -> Victim:
    template = {"LaunchTemplateId": place.template(), "Version": "$Latest"}
    made = place.ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate=template, SubnetId=place.subnets[0])
    known = made["Instances"][0]["InstanceId"]
    arn = f"arn:aws:ec2:us-east-1:000000000000:instance/{known}"
    return Victim({"InstanceIds": [known]}, arn, lambda: place.state(known) in ("shutting-down", "terminated"))


def training(place: Place) -> Victim:
    request = training_asked(place.clients, TrainingJobName=f"fault-slow-{uuid4().hex[:6]}")
    name = request["TrainingJobName"]
    arn = place.clients("sagemaker").create_training_job(**request)["TrainingJobArn"]
    stopped: Callable[[], bool] = lambda: over(place.clients, name)["TrainingJobStatus"] == "Stopped"  # noqa: E731
    return Victim({"TrainingJobName": name}, arn, stopped)


def endpoint(place: Place) -> Victim:
    name = make_endpoint(place.clients, make_config(place.clients))
    arn = settled(place.clients, name)["EndpointArn"]
    return Victim({"EndpointName": name}, arn, lambda: gone(place, "describe_endpoint", EndpointName=name))


def component(place: Place) -> Victim:
    sagemaker, name = place.clients("sagemaker"), f"component-{uuid4().hex[:8]}"
    scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    execution = role(place.clients, "sagemaker.amazonaws.com")
    config = make_config(place.clients, {"ManagedInstanceScaling": scaling}, ExecutionRoleArn=execution)
    host = make_endpoint(place.clients, config)
    settled(place.clients, host)
    need = {"NumberOfAcceleratorDevicesRequired": 1, "MinMemoryRequiredInMb": 1024}
    arn = sagemaker.create_inference_component(
        InferenceComponentName=name, EndpointName=host, VariantName="AllTraffic", RuntimeConfig={"CopyCount": 1},
        Specification={"ModelName": make_model(place.clients), "ComputeResourceRequirements": need},
    )["InferenceComponentArn"]  # fmt: skip
    stopped: Callable[[], bool] = lambda: gone(place, "describe_inference_component", InferenceComponentName=name)  # noqa: E731
    return Victim({"InferenceComponentName": name}, arn, stopped)


def file_system(place: Place) -> Victim:
    known, fsx = create_file_system(place), place.clients("fsx")
    arn = fsx.describe_file_systems(FileSystemIds=[known])["FileSystems"][0]["ResourceARN"]
    call = {"FileSystemId": known, "LustreConfiguration": {"SkipFinalBackup": True}}

    def stopped() -> bool:
        return known not in {each["FileSystemId"] for each in fsx.describe_file_systems()["FileSystems"]}

    return Victim(call, arn, stopped)


def cluster(place: Place) -> Victim:
    name = in_service(place, cluster_asked(place))
    arn = place.clients("sagemaker").describe_cluster(ClusterName=name)["ClusterArn"]
    return Victim({"ClusterName": name}, arn, lambda: cluster_status(place, name) == "gone")


def throughput(place: Place) -> Victim:
    bedrock = place.clients("bedrock")
    arn = bedrock.create_provisioned_model_throughput(
        modelUnits=1, provisionedModelName=f"units-{uuid4().hex[:6]}", modelId=model(place.clients)
    )["provisionedModelArn"]

    def stopped() -> bool:
        listed = bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"]
        return arn not in {each["provisionedModelArn"] for each in listed}

    return Victim({"ProvisionedModelId": arn}, arn, stopped)


def gone(place: Place, operation: str, **asked: str) -> bool:
    try:
        getattr(place.clients("sagemaker"), operation)(**asked)
    except ClientError:
        return True
    return False


VICTIMS: dict[str, Callable[[Place], Victim]] = {
    "putFunctionConcurrency": function,
    "updateAutoScalingGroup": group,
    "terminateInstances": instance,
    "stopTrainingJob": training,
    "deleteEndpoint": endpoint,
    "deleteInferenceComponent": component,
    "deleteFileSystem": file_system,
    "deleteCluster": cluster,
    "deleteProvisionedModelThroughput": throughput,
}
