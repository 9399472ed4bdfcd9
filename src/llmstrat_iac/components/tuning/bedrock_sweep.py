"""What may be left of a Bedrock tuning, what bills first: found by name and tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages
from llmstrat_iac.components.tuning.bucket_leftovers import bucket_finder
from llmstrat_iac.components.tuning.names import TAG_RETAINED
from llmstrat_iac.hookspecs import AwsSession, Leftover


def sweep(stack_name: str, session: AwsSession, *, remove: bool) -> Iterable[Leftover]:
    """Find what bills first; what was to be retained isn't a leftover."""
    finders = [
        Finder("bedrock provisioned throughput", partial(_throughputs, stack_name, session)),
        Finder("bedrock custom model deployment", partial(_deployments, stack_name, session)),
        Finder("bedrock customization job", partial(_jobs, stack_name, session)),
        Finder("bedrock custom model", partial(_models, stack_name, session)),
        bucket_finder(stack_name, session, infix="tuning"),
    ]
    return leftovers.sweep(finders, remove=remove)


def _owned(client: Any, arn: str, stack_name: str) -> dict[str, str]:
    tags = client.list_tags_for_resource(resourceARN=arn).get("tags") or ()
    return {tag["key"]: tag["value"] for tag in tags} if belongs(tags, stack_name) else {}


def _throughputs(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("bedrock")
    listed = pages(client, "list_provisioned_model_throughputs", "provisionedModelSummaries", nameContains=stack_name)
    for one in listed:
        arn = one["provisionedModelArn"]
        if _owned(client, arn, stack_name):
            remove = partial(client.delete_provisioned_model_throughput, provisionedModelId=arn)
            yield Found("bedrock provisioned throughput", arn, one["provisionedModelName"], billed=True, remove=remove)


def _deployments(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("bedrock")
    for one in pages(client, "list_custom_model_deployments", "modelDeploymentSummaries", nameContains=stack_name):
        arn = one["customModelDeploymentArn"]
        if _owned(client, arn, stack_name):
            remove = partial(client.delete_custom_model_deployment, customModelDeploymentIdentifier=arn)
            name = one["customModelDeploymentName"]
            yield Found("bedrock custom model deployment", arn, name, billed=True, remove=remove)


def _jobs(stack_name: str, session: AwsSession) -> Iterator[Found]:
    """Jobs that run; those that are over are history, which can't be deleted and costs nothing."""
    client = session.client("bedrock")
    listed = pages(
        client,
        "list_model_customization_jobs",
        "modelCustomizationJobSummaries",
        nameContains=stack_name,
        statusEquals="InProgress",
    )
    for one in listed:
        arn = one["jobArn"]
        if _owned(client, arn, stack_name):
            remove = partial(client.stop_model_customization_job, jobIdentifier=arn)
            yield Found("bedrock customization job", arn, one["jobName"], billed=True, remove=remove)


def _models(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("bedrock")
    for one in pages(client, "list_custom_models", "modelSummaries", nameContains=stack_name):
        arn = one["modelArn"]
        tags = _owned(client, arn, stack_name)
        if tags and TAG_RETAINED not in tags:
            remove = partial(client.delete_custom_model, modelIdentifier=arn)
            yield Found("bedrock custom model", arn, one["modelName"], billed=True, remove=remove)
