"""Rows of Bedrock and SageMaker. Jobs last two minutes (`fault-slow`), so that no state changes under the test."""

from __future__ import annotations

import json

import pulumi
from aws_case import Case, found

_SERVICES = ["bedrock.amazonaws.com", "sagemaker.amazonaws.com"]
_TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": _SERVICES}, "Action": "sts:AssumeRole"}],
})  # fmt: skip
_NOVA = json.dumps({
    "schemaVersion": "bedrock-conversation-2024",
    "messages": [
        {"role": "user", "content": [{"text": "q"}]},
        {"role": "assistant", "content": [{"text": "a"}]},
    ],
})  # fmt: skip
_BASE = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k"
_HUB = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/huggingface-reasoning-qwen3-06b/1.0.0"


def _uri(thing: pulumi.CustomResource, path: str) -> pulumi.Output[str]:
    return pulumi.Output.concat("s3://", thing.id, path)


def prerequisites(role: Case, blob: Case) -> tuple[Case, ...]:
    """The role and the two datasets that jobs need."""
    return (
        Case("tuning-role", role.token, lambda m: {"assume_role_policy": _TRUST}, None, None, role.exists),
        *(
            Case(
                name, blob.token,
                lambda m, name=name, text=text: {"bucket": m["home-bucket"].id, "key": name, "content": text},
                None, None, blob.exists,
            )
            for name, text in {"nova.jsonl": _NOVA, "pairs.jsonl": '{"prompt": "p", "completion": "c"}'}.items()
        ),
    )  # fmt: skip


TUNING = (
    Case(
        "custom-model", "aws:bedrock/customModel:CustomModel",
        lambda m: {
            "base_model_identifier": _BASE, "custom_model_name": "fidelity-fault-slow",
            "job_name": "fidelity-fault-slow", "hyperparameters": {"epochCount": "2"}, "role_arn": m["tuning-role"].arn,
            "training_data_config": {"s3_uri": _uri(m["nova.jsonl"], "")},
            "validation_data_config": {"validators": [{"s3_uri": _uri(m["nova.jsonl"], "")}]},
            "output_data_config": {"s3_uri": _uri(m["home-bucket"], "/out/")}, "tags": {"team": "a"},
        },
        lambda m: {"tags": {"team": "b", "more": "1"}},
        lambda m: {"custom_model_name": "fidelity-2", "job_name": "fidelity-2-fault-slow"},
        lambda aws, out: (
            aws("bedrock").get_model_customization_job(jobIdentifier=out["id"])["status"] == "InProgress"
        ),
    ),
    Case(
        "throughput", "aws:bedrock/provisionedModelThroughput:ProvisionedModelThroughput",
        lambda m: {
            "model_arn": _BASE, "model_units": 1, "provisioned_model_name": "fidelity", "tags": {"team": "a"},
        },
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"provisioned_model_name": "fidelity-2", "model_units": 2},
        lambda aws, out: aws("bedrock").get_provisioned_model_throughput(provisionedModelId=out["id"]),
    ),
    Case(
        "package-group", "aws:sagemaker/modelPackageGroup:ModelPackageGroup",
        lambda m: {"model_package_group_name": "fidelity", "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"model_package_group_name": "fidelity-2", "model_package_group_description": "two"},
        lambda aws, out: found(
            aws("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"],
            ModelPackageGroupName=out["id"],
        ),
    ),
    Case(
        "training-job", "aws:sagemaker/trainingJob:TrainingJob",
        lambda m: {
            "training_job_name": "fidelity-fault-slow", "role_arn": m["tuning-role"].arn,
            "input_data_configs": [
                {
                    "channel_name": "train",
                    "data_source": {
                        "s3_data_source": {"s3_data_type": "S3Prefix", "s3_uri": _uri(m["pairs.jsonl"], "")}
                    },
                }
            ],
            "output_data_config": {"s3_output_path": _uri(m["home-bucket"], "/out")},
            "serverless_job_config": {
                "base_model_arn": _HUB, "job_type": "FineTuning", "customization_technique": "SFT", "peft": "LORA",
                "accept_eula": True,
            },
            "model_package_config": {"model_package_group_arn": m["package-group"].arn},
            "hyper_parameters": {"max_epochs": "2"}, "tags": {"team": "a"},
        },
        lambda m: {"tags": {"team": "b"}, "delete_model_packages_on_destroy": True},
        lambda m: {"training_job_name": "fidelity-2-fault-slow"},
        lambda aws, out: found(
            aws("sagemaker").list_training_jobs()["TrainingJobSummaries"], TrainingJobName=out["id"]
        ),
    ),
)  # fmt: skip
