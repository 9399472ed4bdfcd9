"""A network of its own for each test of instances, and what instances of a fleet or a training are launched with."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

import urllib3
from sandbox_kit import Clients

from llmstrat_iac.components.names import TAG_SERVES
from llmstrat_iac.components.tuning.names import TAG_JOB

IMAGE = "ami-0c2023a1b2c3d4e5f"
PORT = 8000
SERVES = """#!/usr/bin/env bash
set -euo pipefail
vllm_arguments=(
  --model
  org/model
  --served-model-name
  llama
  --enable-lora
  --lora-modules
  '{"name": "tuned (a)", "path": "/cache/adapters/tuned"}'  # quoted brackets aren't the array's end
)
printf '%s\\n' "${vllm_arguments[@]}" >/etc/llmstrat/arguments
"""
FLEET_TAGS = {TAG_SERVES: str(PORT)}


def encoded(text: str) -> str:
    """User data as EC2 takes it."""
    return base64.b64encode(text.encode()).decode()


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as EC2 takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass(frozen=True)
class Place:
    """A VPC with two subnets and a security group, and clients of the emulator that has them."""

    url: str
    clients: Clients
    name: str
    vpc: str
    subnets: list[str]
    group: str

    @property
    def ec2(self) -> Any:
        return self.clients("ec2")

    @property
    def elb(self) -> Any:
        return self.clients("elbv2")

    @property
    def scaling(self) -> Any:
        return self.clients("autoscaling")

    def template(self, **data: Any) -> str:
        """A launch template's id."""
        defaults = {"ImageId": IMAGE, "InstanceType": "g6.xlarge", "SecurityGroupIds": [self.group]}
        name = f"{self.name}-{secrets.token_hex(3)}"
        made = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={**defaults, **data})
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def fleet_template(self) -> str:
        """Of instances that serve."""
        tags = [{"ResourceType": "instance", "Tags": tag_list(FLEET_TAGS)}]
        return self.template(UserData=encoded(SERVES), TagSpecifications=tags)

    def balancer(self) -> tuple[str, str]:
        """The ARNs of a load balancer and of the target group behind it."""
        made = self.elb.create_load_balancer(
            Name=self.name, Subnets=self.subnets, SecurityGroups=[self.group], Scheme="internal"
        )["LoadBalancers"][0]["LoadBalancerArn"]
        targets = self.elb.create_target_group(
            Name=self.name, Protocol="HTTP", Port=PORT, VpcId=self.vpc, HealthCheckPath="/health",
            HealthCheckIntervalSeconds=15, HealthCheckTimeoutSeconds=10, UnhealthyThresholdCount=5,
        )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
        forward = [{"Type": "forward", "TargetGroupArn": targets}]
        self.elb.create_listener(LoadBalancerArn=made, Port=80, Protocol="HTTP", DefaultActions=forward)
        return made, targets

    def scale(self, template: str, *, desired: int = 1, most: int = 4, **more: Any) -> str:
        """An Auto Scaling group's name."""
        name = f"{self.name}-{secrets.token_hex(3)}"
        self.scaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=most, DesiredCapacity=desired,
            VPCZoneIdentifier=",".join(self.subnets),
            **{"LaunchTemplate": {"LaunchTemplateId": template, "Version": "$Latest"}, **more},
        )  # fmt: skip
        return name

    def members(self, group: str) -> list[str]:
        """The instances of a group."""
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
        return [each["InstanceId"] for each in found[0]["Instances"]]

    def health(self, targets: str) -> list[str]:
        """The states of a target group's targets."""
        told = self.elb.describe_target_health(TargetGroupArn=targets)["TargetHealthDescriptions"]
        return [each["TargetHealth"]["State"] for each in told]

    def state(self, instance: str) -> str:
        """An instance's state."""
        found = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        return str(found["State"]["Name"])

    def ask(self, model: str, **body: Any) -> urllib3.BaseHTTPResponse:
        """A chat completion through the load balancer; not read yet."""
        content = {"model": model, "messages": [{"role": "user", "content": "hi"}], **body}
        pool = urllib3.PoolManager(retries=False)
        return pool.request(
            "POST", f"{self.url}/_alb/{self.name}/v1/chat/completions", body=json.dumps(content).encode(),
            headers={"content-type": "application/json"}, preload_content=False,
        )  # fmt: skip


def make_place(url: str, made: Clients) -> Place:
    """A new network."""
    ec2, name = made("ec2"), f"t{secrets.token_hex(4)}"
    vpc = ec2.create_vpc(CidrBlock="10.64.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for cidr, zone in (("10.64.0.0/20", "us-east-1a"), ("10.64.16.0/20", "us-east-1b"))
    ]
    group = ec2.create_security_group(GroupName=name, Description="test", VpcId=vpc)["GroupId"]
    return Place(url, made, name, vpc, subnets, group)


@dataclass(frozen=True)
class Job:
    """A training job's files in the emulator's S3."""

    clients: Clients
    bucket: str
    key: str

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/training/{self.key}"

    def read(self, name: str) -> Any:
        """A JSON file of the job's; None if it isn't there."""
        s3 = self.clients("s3")
        keys = {item["Key"] for item in s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])}
        path = f"training/{self.key}/{name}"
        return json.loads(s3.get_object(Bucket=self.bucket, Key=path)["Body"].read()) if path in keys else None

    def names(self) -> set[str]:
        """The files below the job's prefix."""
        found = self.clients("s3").list_objects_v2(Bucket=self.bucket, Prefix=f"training/{self.key}/")
        return {item["Key"].removeprefix(f"training/{self.key}/") for item in found.get("Contents", [])}

    @property
    def state(self) -> str | None:
        status = self.read("status.json")
        return None if status is None else str(status["state"])

    def user_data(self, group: str = "") -> str:
        """Of the instance that runs it."""
        return f"#!/bin/sh\nexport LLMSTRAT_JOB_URI={self.uri}\nexport LLMSTRAT_GROUP={group or chr(39) * 2}\n"

    @property
    def tags(self) -> dict[str, str]:
        return {TAG_JOB: self.key}


def make_job(made: Clients, *, train: str = '{"prompt": "p", "completion": "c"}\n') -> Job:
    """A job whose files are all there."""
    key = f"{secrets.token_hex(6)}-1"
    job = Job(made, f"jobs-{secrets.token_hex(4)}", key)
    s3 = made("s3")
    s3.create_bucket(Bucket=job.bucket)
    described = {
        "key": key, "stack": "s", "alias": "a", "model": "org/model", "revision": "0" * 40, "method": "lora",
        "objective": "supervised", "adapter": True, "rank": 8, "data": {"train": "0" * 64}, "trl": "1.16.0",
    }  # fmt: skip
    for name, content in {"code/job.json": json.dumps(described), "data/train.jsonl": train}.items():
        s3.put_object(Bucket=job.bucket, Key=f"training/{key}/{name}", Body=content.encode())
    return job
