"""Bedrock: what serves a custom model (on-demand deployments, provisioned throughput), and the tags of all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.tuning.bedrock_store import STORE, Served, arn, new_id, region, tag_map
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, PassOnError, page, refuse
from llmstrat_iac.sandbox.jobs import Course, Phase, job_seconds

# A deployment comes up in a tenth of a job's time.
_SHARE = 0.1
_QUOTA = "ServiceQuotaExceededException"
# How the ids of foundation models begin.
_VENDORS = ("amazon.", "anthropic.", "meta.", "cohere.", "mistral.")
_COMMITTED = "The commitment term of this provisioned model hasn't ended."


def _course(name: str) -> Course:
    return Course(mishap=STORE.faults.mishap((name,)), seconds=job_seconds() * _SHARE)


def create_deployment(asked: Arguments) -> Mapping[str, Any]:
    """On-demand inference of a custom model, in the regions that have it for its base."""
    name = asked["modelDeploymentName"]
    refuse(STORE.faults.refusal(name), quota=_QUOTA, message="You have exceeded the quota of model deployments.")
    model = STORE.model(asked["modelArn"])
    if region() not in model.job.base.deploys:
        raise ApiError("ValidationException", "On-demand deployment isn't supported for this model in this region.")
    if any(deployment.name == name for deployment in STORE.deployments.values()):
        raise ApiError("ValidationException", "The provided deployment name is currently in use.")
    made = Served(
        arn(f"custom-model-deployment/{new_id()}"), name, model.arn, model.job.base.arn(region()), asked, _course(name)
    )
    STORE.deployments[made.arn] = made
    STORE.tags[made.arn] = tag_map(asked.get("tags"))
    return {"customModelDeploymentArn": made.arn}


def _deployment_status(served: Served) -> str:
    return {Phase.COMPLETED: "Active", Phase.FAILED: "Failed"}.get(served.course.phase(), "Creating")


def _deployment(served: Served) -> dict[str, Any]:
    status = _deployment_status(served)
    return {
        "customModelDeploymentArn": served.arn,
        "modelArn": served.model_arn,
        "createdAt": served.course.begun,
        "status": status,
        "lastUpdatedAt": served.course.ends if status != "Creating" else served.course.begun,
        "failureMessage": "The deployment failed because of an internal error." if status == "Failed" else None,
    }


def get_deployment(asked: Arguments) -> Mapping[str, Any]:
    """A deployment in full."""
    found = STORE.served(STORE.deployments, asked["customModelDeploymentIdentifier"])
    return {**_deployment(found), "modelDeploymentName": found.name, "description": found.asked.get("description")}


def list_deployments(asked: Arguments) -> Mapping[str, Any]:
    """The newest first, unless asked otherwise."""
    named, model = asked.get("nameContains") or "", asked.get("modelArnEquals")
    status = asked.get("statusEquals")
    found = [
        served
        for served in STORE.deployments.values()
        if named in served.name and model in (None, served.model_arn) and status in (None, _deployment_status(served))
    ]
    found.sort(key=lambda served: served.course.begun, reverse=asked.get("sortOrder") != "Ascending")
    shown, token = page(found, asked, size="maxResults", token="nextToken")  # noqa: S106 - a field's name
    summaries = [{**_deployment(served), "customModelDeploymentName": served.name} for served in shown]
    return {"modelDeploymentSummaries": summaries, "nextToken": token}


def delete_deployment(asked: Arguments) -> Mapping[str, Any]:
    """At once; a deployment that is still coming up is a conflict."""
    found = STORE.served(STORE.deployments, asked["customModelDeploymentIdentifier"])
    if not found.course.phase().over:
        raise ApiError("ConflictException", "The deployment is being created.", 409)
    del STORE.deployments[found.arn]
    STORE.tags.pop(found.arn, None)
    return {}


def create_throughput(asked: Arguments) -> Mapping[str, Any]:
    """Model units of a model; without a commitment unless one is asked for."""
    name = asked["provisionedModelName"]
    refuse(STORE.faults.refusal(name), quota=_QUOTA, message="You have exceeded the quota of model units.")
    model_arn, base_arn = _provisionable(asked["modelId"])
    if any(served.name == name for served in STORE.throughputs.values()):
        raise ApiError("ValidationException", "The provided provisioned model name is currently in use.")
    made = Served(arn(f"provisioned-model/{new_id()}"), name, model_arn, base_arn, asked, _course(name))
    STORE.throughputs[made.arn] = made
    STORE.tags[made.arn] = tag_map(asked.get("tags"))
    return {"provisionedModelArn": made.arn}


def _provisionable(identifier: str) -> tuple[str, str]:
    """ARNs of a model that throughput can be bought for, and of its base."""
    if ":custom-model/" in identifier or not identifier.startswith(("arn:", *_VENDORS)):
        model = STORE.model(identifier)
        if model.job.base.status == "LEGACY":
            raise ApiError("ValidationException", "Provisioned Throughput can't be created for a legacy model.")
        return model.arn, model.job.base.arn(region())
    name = identifier.rpartition("foundation-model/")[2]
    base = f"arn:aws:bedrock:{region()}::foundation-model/{name}"
    return base, base


def _throughput(served: Served) -> dict[str, Any]:
    states = {Phase.COMPLETED: "InService", Phase.FAILED: "Failed"}
    return {
        "modelUnits": served.asked["modelUnits"],
        "desiredModelUnits": served.asked["modelUnits"],
        "provisionedModelName": served.name,
        "provisionedModelArn": served.arn,
        "modelArn": served.model_arn,
        "desiredModelArn": served.model_arn,
        "foundationModelArn": served.base_arn,
        "status": states.get(served.course.phase(), "Creating"),
        "commitmentDuration": served.asked.get("commitmentDuration"),
        "creationTime": served.course.begun,
        "lastModifiedTime": served.course.begun,
    }


def get_throughput(asked: Arguments) -> Mapping[str, Any]:
    """A throughput in full."""
    return _throughput(STORE.served(STORE.throughputs, asked["provisionedModelId"]))


def list_throughputs(asked: Arguments) -> Mapping[str, Any]:
    """The newest first, unless asked otherwise."""
    named, model = asked.get("nameContains") or "", asked.get("modelArnEquals")
    found = [
        served for served in STORE.throughputs.values() if named in served.name and model in (None, served.model_arn)
    ]
    found.sort(key=lambda served: served.course.begun, reverse=asked.get("sortOrder") != "Ascending")
    shown, token = page(found, asked, size="maxResults", token="nextToken")  # noqa: S106 - a field's name
    return {"provisionedModelSummaries": [_throughput(served) for served in shown], "nextToken": token}


def delete_throughput(asked: Arguments) -> Mapping[str, Any]:
    """Refused while a commitment lasts, which in the sandbox is always."""
    found = STORE.served(STORE.throughputs, asked["provisionedModelId"])
    if found.asked.get("commitmentDuration"):
        raise ApiError("ConflictException", _COMMITTED, 409)
    if not found.course.phase().over:
        raise ApiError("ConflictException", "The provisioned model is being created.", 409)
    del STORE.throughputs[found.arn]
    STORE.tags.pop(found.arn, None)
    return {}


def _our_tags(asked: Arguments) -> dict[str, str]:
    tags = STORE.tags.get(asked["resourceARN"])
    if tags is None:
        raise PassOnError
    return tags  # type: ignore[no-any-return]


def tag(asked: Arguments) -> Mapping[str, Any]:
    """Set tags."""
    _our_tags(asked).update(tag_map(asked["tags"]))
    return {}


def untag(asked: Arguments) -> Mapping[str, Any]:
    """Remove tags."""
    tags = _our_tags(asked)
    for key in asked["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags(asked: Arguments) -> Mapping[str, Any]:
    """The tags of a job, model, deployment or throughput."""
    STORE.settle()
    return {"tags": [{"key": key, "value": value} for key, value in _our_tags(asked).items()]}


DEPLOYMENT_HANDLERS: Mapping[str, Handler] = {
    "CreateCustomModelDeployment": create_deployment,
    "GetCustomModelDeployment": get_deployment,
    "ListCustomModelDeployments": list_deployments,
    "DeleteCustomModelDeployment": delete_deployment,
}
THROUGHPUT_HANDLERS: Mapping[str, Handler] = {
    "CreateProvisionedModelThroughput": create_throughput,
    "GetProvisionedModelThroughput": get_throughput,
    "ListProvisionedModelThroughputs": list_throughputs,
    "DeleteProvisionedModelThroughput": delete_throughput,
}
TAG_HANDLERS: Mapping[str, Handler] = {"TagResource": tag, "UntagResource": untag, "ListTagsForResource": list_tags}
