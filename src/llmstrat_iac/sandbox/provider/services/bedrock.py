"""Bedrock: custom models, which are a customization job first, and provisioned throughput."""

from __future__ import annotations

import uuid
from typing import Any

from llmstrat_iac.sandbox.provider.faults import ResourceError
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import camel, request, tag_delta, tag_list, tag_map
from llmstrat_iac.sandbox.provider.services.waiting import wait
from llmstrat_iac.sandbox.provider.values import Props

JOB = {
    "baseModelIdentifier": "baseModelIdentifier", "customModelName": "customModelName", "jobName": "jobName",
    "hyperParameters": "hyperparameters", "roleArn": "roleArn", "outputDataConfig": "outputDataConfig",
    "trainingDataConfig": "trainingDataConfig", "validationDataConfig": "validationDataConfig",
    "customizationType": "customizationType", "customModelKmsKeyId": "customModelKmsKeyId", "vpcConfig": "vpcConfig",
}  # fmt: skip


@resource("aws:bedrock/customModel:CustomModel")
class CustomModel(Resource):
    """Its id is the job's ARN. The job's status is as old as the last refresh, and deletion goes by it."""

    def create(self, call: Call, args: Props) -> str:
        tags = tag_list(args.get("tagsAll"), "key", "value")
        if not str(args["baseModelIdentifier"]).startswith("arn:"):
            raise ResourceError("`baseModelIdentifier` must be an ARN: arn:aws:bedrock:REGION::foundation-model/ID")
        answer = call.client("bedrock").create_model_customization_job(
            **request(args, JOB), clientRequestToken=uuid.uuid4().hex, customModelTags=tags, jobTags=tags
        )
        return str(answer["jobArn"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("bedrock")
        job = client.get_model_customization_job(jobIdentifier=rid)
        if job["status"] == "Stopped":
            return None
        model = client.get_custom_model(modelIdentifier=job["outputModelArn"]) if job.get("outputModelArn") else {}
        validators = (job.get("validationDataConfig") or {}).get("validators")
        return {
            "baseModelIdentifier": job["baseModelArn"],
            "customModelName": job["outputModelName"],
            "customModelArn": model.get("modelArn"),
            "customModelKmsKeyId": job.get("outputModelKmsKeyArn"),
            "customizationType": job["customizationType"],
            "hyperparameters": job["hyperParameters"],
            "jobArn": rid,
            "jobName": job["jobName"],
            "jobStatus": job["status"],
            "roleArn": job["roleArn"],
            "outputDataConfig": job["outputDataConfig"],
            "trainingDataConfig": job["trainingDataConfig"],
            "validationDataConfig": {"validators": camel(validators)} if validators else None,
            "vpcConfig": job.get("vpcConfig"),
            "trainingMetrics": [model["trainingMetrics"]] if model.get("trainingMetrics") else [],
            "validationMetrics": list(model.get("validationMetrics") or ()),
            "tagsAll": tag_map(client.list_tags_for_resource(resourceARN=rid).get("tags"), "key", "value"),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        _retag(call.client("bedrock"), rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("bedrock")
        if state.get("jobStatus") == "InProgress":
            client.stop_model_customization_job(jobIdentifier=rid)
            wait(lambda: client.get_model_customization_job(jobIdentifier=rid)["status"], "Stopping", "Stopped")
        if state.get("customModelArn"):
            client.delete_custom_model(modelIdentifier=state["customModelArn"])


@resource("aws:bedrock/provisionedModelThroughput:ProvisionedModelThroughput")
class ProvisionedModelThroughput(Resource):
    def create(self, call: Call, args: Props) -> str:
        client = call.client("bedrock")
        names = {
            "modelId": "modelArn", "modelUnits": "modelUnits", "provisionedModelName": "provisionedModelName",
            "commitmentDuration": "commitmentDuration",
        }  # fmt: skip
        answer = client.create_provisioned_model_throughput(
            **request(args, names),
            clientRequestToken=uuid.uuid4().hex,
            tags=tag_list(args.get("tagsAll"), "key", "value"),
        )
        arn = str(answer["provisionedModelArn"])
        wait(lambda: client.get_provisioned_model_throughput(provisionedModelId=arn)["status"], "Creating", "InService")
        return arn

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("bedrock")
        found = client.get_provisioned_model_throughput(provisionedModelId=rid)
        return {
            "modelArn": found["modelArn"],
            "modelUnits": found["modelUnits"],
            "provisionedModelName": found["provisionedModelName"],
            "provisionedModelArn": found["provisionedModelArn"],
            "commitmentDuration": found.get("commitmentDuration"),
            "tagsAll": tag_map(client.list_tags_for_resource(resourceARN=rid).get("tags"), "key", "value"),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        _retag(call.client("bedrock"), rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("bedrock").delete_provisioned_model_throughput(provisionedModelId=rid)


def _retag(client: Any, arn: str, old: Props, new: Props) -> None:
    added, removed = tag_delta(old, new)
    if added:
        client.tag_resource(resourceARN=arn, tags=tag_list(added, "key", "value"))
    if removed:
        client.untag_resource(resourceARN=arn, tagKeys=removed)
