"""On-demand deployment of a Bedrock custom model, for which neither the AWS provider nor CloudFormation has a resource.

A dynamic resource: imported by the provider's process, so it imports pulumi and, when it runs, boto3 only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.tuning.patience import pauses

_INPUTS = ("deployment_name", "model_arn", "region")
PATIENCE_SECONDS = 1200.0


def deploy(
    client: Any,
    *,
    name: str,
    model_arn: str,
    tags: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Create the deployment, or adopt the one that an interrupted `up` has left; returns its ARN once it serves."""
    found = find_deployment(client, name)
    if found is None:
        arn = client.create_custom_model_deployment(
            modelDeploymentName=name,
            modelArn=model_arn,
            tags=[{"key": key, "value": value} for key, value in sorted(tags.items())],
        )["customModelDeploymentArn"]
    else:
        arn = found["customModelDeploymentArn"]
    for pause in pauses(PATIENCE_SECONDS):
        state = client.get_custom_model_deployment(customModelDeploymentIdentifier=arn)
        if state["status"] == "Active":
            return str(arn)
        if state["status"] == "Failed":
            client.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)
            raise RuntimeError(
                f"Bedrock can't deploy the tuned model: {state.get('failureMessage', 'no reason given')}"
            )
        sleep(pause)
    raise RuntimeError(f"the deployment {arn} isn't active after {PATIENCE_SECONDS / 60:.0f} minutes")


def undeploy(client: Any, arn: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Delete the deployment and wait: its model can't be deleted before it is gone."""
    if find_deployment(client, arn) is None:
        return
    client.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)
    for pause in pauses(PATIENCE_SECONDS):
        if find_deployment(client, arn) is None:
            return
        sleep(pause)


def find_deployment(client: Any, identifier: str) -> dict[str, Any] | None:
    """The deployment of a name or ARN, or None."""
    try:
        found: dict[str, Any] = client.get_custom_model_deployment(customModelDeploymentIdentifier=identifier)
    except client.exceptions.ResourceNotFoundException:
        return None
    return found


class DeploymentProvider(dynamic.ResourceProvider):
    """Reaches AWS by the environment's credentials and endpoint."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        arn = deploy(
            _client(props), name=props["deployment_name"], model_arn=props["model_arn"], tags=props.get("tags") or {}
        )
        return dynamic.CreateResult(arn, {**props, "arn": arn})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [name for name in _INPUTS if olds.get(name) != news.get(name)]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed, delete_before_replace=True)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        found = find_deployment(_client(props), id_)
        return dynamic.ReadResult(id_, props) if found else dynamic.ReadResult(None, {})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        undeploy(_client(_props), _id)


def _client(props: Mapping[str, Any]) -> Any:
    import boto3

    return boto3.client("bedrock", region_name=props["region"])


_PROVIDER = DeploymentProvider()


class CustomModelDeployment(dynamic.Resource, module="llmstrat", name="CustomModelDeployment"):
    """A custom model that is called by token, through the deployment's ARN."""

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        deployment_name: pulumi.Input[str],
        model_arn: pulumi.Input[str],
        region: str,
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"deployment_name": deployment_name, "model_arn": model_arn, "region": region, "tags": dict(tags)}
        super().__init__(_PROVIDER, name, {**inputs, "arn": None}, opts)
