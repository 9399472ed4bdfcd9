"""Specs of strategy C, and what is left in the sandbox's account when AWS is asked directly."""

from __future__ import annotations

from typing import Any

import boto3
from story_kit import User

JOB_SECONDS = "3"
ALIAS = "support"
HEAD = """\
apiVersion: llmstrat/v1
name: story
strategy: {strategy}
owner: ml@example.com
region: us-east-1
data: {{classification: internal}}
limits: {{ttl: 8h}}
endpoint:
  consumers: [{{name: web, models: [{models}]}}]
providers:
  - {{name: bedrock, models: [{{alias: {closed}, id: "amazon.nova-lite-v1:0"}}]}}
"""
MODEL = """\
model:
  alias: support
  id: meta-llama/Llama-3.1-8B-Instruct
  revision: 0e9e39f249a16976918f6564b8830bc894c89659
  accept_licence: llama3.1
  token: {secret: "env:HF_TOKEN"}
"""


def served(runtime: str, *, training: str = "", serving: str = "", models: str = ALIAS) -> str:
    """A spec that serves an open model, and trains it first if `training` says more than nothing."""
    head = HEAD.format(strategy="C", models=models, closed="closed")
    trained = f"training: {{runtime: {runtime}, method: qlora, dataset: {{train: train.jsonl}}{training}}}\n"
    return f"{head}{MODEL}{trained if training else ''}serving: {{runtime: {runtime}{serving}}}\n"


def trained(runtime: str) -> str:
    """A spec that trains an open model and serves nothing."""
    head = HEAD.format(strategy="C", models=ALIAS, closed="closed").partition("endpoint:")[0]
    block = f"training: {{runtime: {runtime}, method: qlora, dataset: {{train: train.jsonl}}}}\n"
    return head.replace("ttl: 8h", "ttl: 8h, monthly_usd: 50") + MODEL + block


def closed(alias: str = ALIAS) -> str:
    """Strategy A under the alias that C serves, too."""
    return HEAD.format(strategy="A", models=alias, closed=alias)


class Account:
    """The sandbox's account, asked with the credentials that it hands out."""

    def __init__(self, user: User) -> None:
        variables = user.ok("sandbox", "env", user.spec, "--json").json["set"]
        self._url = variables["AWS_ENDPOINT_URL"]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self._url,
            aws_access_key_id="000000000000",
            aws_secret_access_key="sandbox",
        )

    def instances(self) -> list[dict[str, Any]]:
        """Instances that are billed."""
        found = self.client("ec2").describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "shutting-down"]}]
        )
        return [instance for reservation in found["Reservations"] for instance in reservation["Instances"]]

    def networks(self) -> list[str]:
        """Names of the stacks' networks, which bill by their NAT gateways."""
        own = [{"Name": "tag-key", "Values": ["llmstrat:stack"]}]
        found = self.client("ec2").describe_vpcs(Filters=own)["Vpcs"]
        return sorted(tag["Value"] for vpc in found for tag in vpc["Tags"] if tag["Key"] == "Name")

    def budgets(self) -> list[str]:
        """Names of the budgets."""
        account = self.client("sts").get_caller_identity()["Account"]
        found = self.client("budgets").describe_budgets(AccountId=account).get("Budgets") or ()
        return [each["BudgetName"] for each in found]

    def remains(self) -> list[str]:
        """What costs money, or is in the way of the next stack."""
        own = [{"Name": "tag-key", "Values": ["llmstrat:stack"]}]
        instances = [f"Instances {each['InstanceId']}" for each in self.instances()]
        listed = (
            ("ec2", "describe_vpcs", {"Filters": own}, "Vpcs", "VpcId"),
            ("elbv2", "describe_load_balancers", {}, "LoadBalancers", "LoadBalancerName"),
            ("autoscaling", "describe_auto_scaling_groups", {}, "AutoScalingGroups", "AutoScalingGroupName"),
            ("sagemaker", "list_endpoints", {}, "Endpoints", "EndpointName"),
            ("sagemaker", "list_models", {}, "Models", "ModelName"),
            (
                "sagemaker",
                "list_training_jobs",
                {"StatusEquals": "InProgress"},
                "TrainingJobSummaries",
                "TrainingJobName",
            ),
            ("s3", "list_buckets", {}, "Buckets", "Name"),
            ("scheduler", "list_schedule_groups", {"NamePrefix": "story"}, "ScheduleGroups", "Name"),
        )
        return instances + [
            f"{kind} {each[name]}"
            for service, call, arguments, kind, name in listed
            for each in getattr(self.client(service), call)(**arguments)[kind]
        ]
