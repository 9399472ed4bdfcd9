"""What the tests of SageMaker's training plans share: plans that are bought, and jobs and clusters that name them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from compute_kit import Place
from sandbox_kit import Clients, eventually
from tuning_kit import bucket, role

WANTED = {
    "InstanceType": "ml.p5.48xlarge",
    "InstanceCount": 2,
    "DurationHours": 40,
    "TargetResources": ["training-job"],
}
PATIENCE = 60.0


def offered(aws: Clients, **changes: Any) -> list[dict[str, Any]]:
    found = aws("sagemaker").search_training_plan_offerings(**{**WANTED, **changes})["TrainingPlanOfferings"]
    return [dict(each) for each in found]


def buy(aws: Clients, offer: dict[str, Any], name: str = "plan") -> str:
    """A plan once its payment is done; its ARN."""
    client = aws("sagemaker")
    name = f"{name}-{uuid4().hex[:6]}"
    made = client.create_training_plan(TrainingPlanName=name, TrainingPlanOfferingId=offer["TrainingPlanOfferingId"])
    assert eventually(lambda: told(aws, made["TrainingPlanArn"])["Status"] != "Pending", PATIENCE)
    return str(made["TrainingPlanArn"])


def told(aws: Clients, plan: str) -> dict[str, Any]:
    found: dict[str, Any] = aws("sagemaker").describe_training_plan(TrainingPlanName=plan)
    return found


def active(aws: Clients, **changes: Any) -> str:
    """A plan that has begun."""
    plan = buy(aws, offered(aws, **changes)[0])
    assert eventually(lambda: told(aws, plan)["Status"] == "Active", PATIENCE)
    return plan


def job(aws: Clients, place: Place, plan: str, *, count: int = 2, subnet: int = 0, **resources: Any) -> dict[str, Any]:
    """The arguments of a job on a plan's instances."""
    code = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{bucket(aws, '{}')}/train.jsonl"}}
    return {
        "TrainingJobName": f"fault-slow-{uuid4().hex[:8]}",
        "RoleArn": role(aws, "sagemaker.amazonaws.com"),
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": code}],
        "OutputDataConfig": {"S3OutputPath": "s3://somewhere/output/"},
        "ResourceConfig": {
            "InstanceType": "ml.p5.48xlarge", "InstanceCount": count, "VolumeSizeInGB": 50, "TrainingPlanArn": plan,
            **resources,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "VpcConfig": {"Subnets": [place.subnets[subnet]], "SecurityGroupIds": [place.group]},
    }  # fmt: skip


def cluster(aws: Clients, place: Place, plan: str, *, count: int = 2, subnet: int = 0) -> dict[str, Any]:
    """The arguments of a cluster whose workers are a plan's."""
    execution = role(aws, "sagemaker.amazonaws.com")
    return {
        "ClusterName": f"c-{uuid4().hex[:8]}",
        "VpcConfig": {"Subnets": [place.subnets[subnet]], "SecurityGroupIds": [place.group]},
        "InstanceGroups": [
            {
                "InstanceGroupName": "workers", "InstanceType": "ml.p5.48xlarge", "InstanceCount": count,
                "ExecutionRole": execution, "TrainingPlanArn": plan,
            }
        ],
    }  # fmt: skip


def state(aws: Clients, name: str) -> str:
    return str(aws("sagemaker").describe_training_job(TrainingJobName=name)["TrainingJobStatus"])
