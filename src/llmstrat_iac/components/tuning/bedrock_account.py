"""What the account says about a Bedrock tuning before it starts, and what may be left of one afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages
from llmstrat_iac.components.tuning.bucket_leftovers import bucket_finder
from llmstrat_iac.components.tuning.names import TAG_RETAINED
from llmstrat_iac.hookspecs import AwsSession, Leftover, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_RULE = "aws.bedrock.tuning"
_PATH = "tuning.base_model"


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Whether the base can be tuned in this region, and for how long."""
    tuning = resolved.tuning
    assert tuning is not None, "only asked for specs with `tuning:`"
    answer = session.client("bedrock").list_foundation_models(byCustomizationType="FINE_TUNING")
    models = {model["modelId"]: model for model in answer.get("modelSummaries") or ()}
    base = tuning.block.base_model
    if base not in models:
        yield Finding(
            _RULE,
            Severity.ERROR,
            _PATH,
            f"Bedrock doesn't tune `{base}` in {tuning.region}",
            reason="ListFoundationModels is what counts; the documentation lags",
            remedy=f"it tunes: {', '.join(sorted(models)) or 'nothing in this region'}",
        )
        return
    yield from _lifecycle(base, models[base].get("modelLifecycle") or {})


def _lifecycle(base: str, lifecycle: Mapping[str, Any]) -> Iterator[Finding]:
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html
    status, end = lifecycle.get("status", "ACTIVE"), lifecycle.get("endOfLifeTime")
    if status == "ACTIVE":
        return
    until = f" and retires on {end:%Y-%m-%d}" if end is not None else ""
    yield Finding(
        _RULE,
        Severity.WARNING if status == "LEGACY" else Severity.ERROR,
        _PATH,
        f"`{base}` is {status}{until}",
        reason="a tuned model retires with its base, and a legacy base isn't open to new customers",
        remedy="tune a base that is ACTIVE",
    )


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
