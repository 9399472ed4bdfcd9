"""SageMaker: training jobs (serverless customization above all) and model package groups."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import tag_delta, tag_list, tag_map
from llmstrat_iac.sandbox.provider.services.waiting import wait
from llmstrat_iac.sandbox.provider.values import Props

# Properties that the API spells otherwise than with a capital letter.
RENAMED = {
    "inputDataConfigs": "InputDataConfig", "containerEntrypoints": "ContainerEntrypoint",
    "s3OutputPath": "S3OutputPath", "s3Uri": "S3Uri",
    "volumeSizeInGb": "VolumeSizeInGB", "mlflowConfig": "MlflowConfig",
    "enableSagemakerMetricsTimeSeries": "EnableSageMakerMetricsTimeSeries",
}  # fmt: skip
CLIENT_SIDE = {"deleteModelPackagesOnDestroy", "deleteVpcEnisOnDestroy", "timeouts", "region", "tags", "tagsAll"}
VERBATIM = {"hyperParameters", "environment", "hookParameters", "ruleParameters", "collectionParameters"}
FLAGS = ("enableNetworkIsolation", "enableInterContainerTrafficEncryption", "enableManagedSpotTraining")


@resource("aws:sagemaker/trainingJob:TrainingJob")
class TrainingJob(Resource):
    """Creation starts the job and returns; its id is its name."""

    def create(self, call: Call, args: Props) -> str:
        asked = {key: value for key, value in args.items() if key not in CLIENT_SIDE and not key.startswith("__")}
        call.client("sagemaker").create_training_job(**_request(asked), Tags=tag_list(args.get("tagsAll")))
        return str(args["trainingJobName"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("sagemaker")
        found = _job(client, rid)
        if found is None:
            return None
        props = _answer({key: value for key, value in found.items() if key not in _ANSWERS})
        if found.get("ServerlessJobConfig") and not state.get("stoppingCondition"):
            # SageMaker reports a default of its own, which the real provider leaves out, too.
            props.pop("stoppingCondition", None)
        tags = client.list_tags(ResourceArn=found["TrainingJobArn"]).get("Tags")
        return {
            **dict.fromkeys(key for key in state if key in _CONFIGS),
            **props,
            **{flag: bool(props.get(flag)) for flag in FLAGS},
            "arn": found["TrainingJobArn"],
            "tagsAll": tag_map(tags),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        retag(call.client("sagemaker"), old["arn"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("sagemaker")
        found = _job(client, rid)
        if found is None:
            return
        if found["TrainingJobStatus"] == "InProgress":
            client.stop_training_job(TrainingJobName=rid)
            wait(lambda: (_job(client, rid) or {}).get("TrainingJobStatus", "Stopped"), "Stopping", "Stopped")
        client.delete_training_job(TrainingJobName=rid)
        group = (state.get("modelPackageConfig") or {}).get("modelPackageGroupArn")
        if group and state.get("deleteModelPackagesOnDestroy"):
            for page in client.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group):
                for package in page["ModelPackageSummaryList"]:
                    client.delete_model_package(ModelPackageName=package["ModelPackageArn"])


# What a description has beside what was asked.
_ANSWERS = frozenset({
    "ResponseMetadata", "TrainingJobArn", "TrainingJobStatus", "SecondaryStatus", "SecondaryStatusTransitions",
    "CreationTime", "LastModifiedTime", "TrainingStartTime", "TrainingEndTime", "FailureReason", "ModelArtifacts",
    "FinalMetricDataList", "ProgressInfo", "OutputModelPackageArn", "TrainingTimeInSeconds", "BillableTimeInSeconds",
    "BillableTokenCount", "TuningJobArn", "LabelingJobArn", "AutoMLJobArn", "WarmPoolStatus", "MlflowDetails",
})  # fmt: skip
_CONFIGS = frozenset({
    "inputDataConfigs", "outputDataConfig", "serverlessJobConfig", "modelPackageConfig", "hyperParameters",
    "environment", "stoppingCondition", "resourceConfig", "algorithmSpecification", "vpcConfig", "checkpointConfig",
})  # fmt: skip
_BACK = {api: prop for prop, api in RENAMED.items()}


def _request(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            RENAMED.get(key, key[0].upper() + key[1:]): item if key in VERBATIM else _request(item)
            for key, item in value.items()
            if item is not None
        }
    return [_request(item) for item in value] if isinstance(value, list) else value


def _answer(value: Any) -> Any:
    if isinstance(value, dict):
        result: Props = {}
        for key, item in value.items():
            prop = _BACK.get(key, key[0].lower() + key[1:])
            result[prop] = item if prop in VERBATIM else _answer(item)
        return result
    return [_answer(item) for item in value] if isinstance(value, list) else value


def _job(client: Any, name: str) -> Props | None:
    """SageMaker says that something isn't there by a validation error."""
    try:
        return dict(client.describe_training_job(TrainingJobName=name))
    except ClientError as error:
        if "not found" in str(error):
            return None
        raise


@resource("aws:sagemaker/modelPackageGroup:ModelPackageGroup")
class ModelPackageGroup(Resource):
    def create(self, call: Call, args: Props) -> str:
        options = {
            api: args[prop]
            for api, prop in {"ModelPackageGroupDescription": "modelPackageGroupDescription"}.items()
            if args.get(prop)
        }
        name = str(args["modelPackageGroupName"])
        call.client("sagemaker").create_model_package_group(
            ModelPackageGroupName=name, Tags=tag_list(args.get("tagsAll")), **options
        )
        return name

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        client = call.client("sagemaker")
        try:
            found = client.describe_model_package_group(ModelPackageGroupName=rid)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return {
            "modelPackageGroupName": rid,
            "modelPackageGroupDescription": found.get("ModelPackageGroupDescription"),
            "arn": found["ModelPackageGroupArn"],
            "tagsAll": tag_map(client.list_tags(ResourceArn=found["ModelPackageGroupArn"]).get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        retag(call.client("sagemaker"), old["arn"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        try:
            call.client("sagemaker").delete_model_package_group(ModelPackageGroupName=rid)
        except ClientError as error:
            if "does not exist" not in str(error):
                raise


def retag(client: Any, arn: str, old: Props, new: Props) -> None:
    """Bring the tags of something of SageMaker's from its old state to the new inputs."""
    added, removed = tag_delta(old, new)
    if added:
        client.add_tags(ResourceArn=arn, Tags=tag_list(added))
    if removed:
        client.delete_tags(ResourceArn=arn, TagKeys=removed)
