"""What is asked of the account: whether images are there, what deploying needs, what is left of a stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from sagemaker_fakes import Client, Session, refusal
from sagemaker_kit import GATED, SERVING, STACK, TRAINING, resolve

from llmstrat_iac.components.sagemaker.permissions import permissions
from llmstrat_iac.components.sagemaker.preflight import preflight
from llmstrat_iac.components.sagemaker.sweep import sweep
from llmstrat_iac.plan import Severity

OURS = {"Tags": [{"Key": "llmstrat:stack", "Value": STACK}]}
ARN = "arn:aws:sagemaker:us-east-1:1:"


def test_images_that_are_there_give_no_finding(tmp_path: Path) -> None:
    ecr = Client(batch_get_image={"images": [{}], "failures": []})
    assert list(preflight(resolve(tmp_path, training=TRAINING, serving=SERVING), Session(ecr=ecr))) == []
    assert [asked["imageIds"][0]["imageTag"] for _, asked in ecr.calls] == [
        "2.13-cu133-amzn2023-sagemaker",
        "server-sagemaker-cuda-v2.4",
        "2.13-cpu-amzn2023-sagemaker",
    ]


@pytest.mark.parametrize(
    ("answer", "severity", "words"),
    [
        ({"failures": [{"failureReason": "Requested image not found"}]}, Severity.ERROR, "not found"),
        (refusal("RepositoryNotFoundException"), Severity.ERROR, "RepositoryNotFoundException"),
        (refusal("AccessDeniedException"), Severity.WARNING, "unknown"),
    ],
)
def test_an_image_that_is_missing_is_an_error_and_one_that_cannot_be_asked_for_is_unknown(
    tmp_path: Path, answer: Any, severity: Severity, words: str
) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own/trainer@sha256:0123"
    resolved = resolve(tmp_path, training=TRAINING | {"options": {"image": image}})
    ecr = Client(batch_get_image=answer)
    (finding,) = preflight(resolved, Session(ecr=ecr))
    assert (finding.severity, finding.path) == (severity, "training.options.image")
    assert words in finding.message
    assert ecr.calls[0][1] == {
        "registryId": "123456789012",
        "repositoryName": "own/trainer",
        "imageIds": [{"imageDigest": "sha256:0123"}],
    }


def test_deploying_needs_named_actions_on_named_resources(tmp_path: Path) -> None:
    zero = {"options": {"scale_to_zero": True}, "replicas": {"min": 0, "max": 2}}
    found = list(permissions(resolve(tmp_path, model=GATED, training=TRAINING, serving=SERVING | zero)))
    for each in found:
        assert each.reason
        assert not any("*" in action for action in each.actions)
        if "*" in each.resources:
            assert "take no resource" in each.reason
    actions = {action for each in found for action in each.actions}
    assert {"sagemaker:CreateEndpoint", "sagemaker:CreateTrainingJob", "sagemaker:CreateInferenceComponent"} <= actions


def test_the_actions_of_sagemaker_exist(tmp_path: Path) -> None:
    """Most IAM actions are named as operations of the API."""
    known = set(get_session().get_service_model("sagemaker").operation_names)
    zero = {"options": {"scale_to_zero": True}, "replicas": {"min": 0, "max": 2}}
    for each in permissions(resolve(tmp_path, training=TRAINING, serving=SERVING | zero)):
        operations = {action.partition(":")[2] for action in each.actions if action.startswith("sagemaker:")}
        assert operations <= known


def left_behind() -> Client:
    def listing(key: str, word: str) -> dict[str, Any]:
        items = [{f"{word}Name": f"{STACK}-{n}", f"{word}Arn": f"{ARN}{word}/{n}"} for n in ("ours", "theirs")]
        return {key: items}

    return Client(
        list_training_jobs=listing("TrainingJobSummaries", "TrainingJob"),
        list_inference_components=listing("InferenceComponents", "InferenceComponent"),
        list_endpoints=listing("Endpoints", "Endpoint"),
        list_endpoint_configs=listing("EndpointConfigs", "EndpointConfig"),
        list_models=listing("Models", "Model"),
        list_tags=lambda ResourceArn: OURS if ResourceArn.endswith("ours") else {"Tags": []},
    )


def test_all_of_the_stack_is_found_and_removed_in_the_order_that_sagemaker_allows() -> None:
    client = left_behind()
    found = list(sweep(STACK, Session(sagemaker=client), remove=True))
    assert [(each.id, each.removed) for each in found] == [(f"{STACK}-ours", True)] * 5
    assert [each.billed for each in found] == [True, True, True, False, False]
    removed = [name for name, _ in client.calls if name.startswith(("delete", "stop"))]
    assert removed == [
        "stop_training_job",
        "delete_inference_component",
        "delete_endpoint",
        "delete_endpoint_config",
        "delete_model",
    ]


def test_looking_removes_nothing() -> None:
    client = left_behind()
    assert not any(each.removed for each in sweep(STACK, Session(sagemaker=client), remove=False))
    assert not [name for name, _ in client.calls if name.startswith(("delete", "stop"))]


def test_what_cannot_be_looked_at_is_never_nothing() -> None:
    client = Client(list_endpoints=refusal("AccessDeniedException"))
    found = [each for each in sweep(STACK, Session(sagemaker=client), remove=True) if each.id == "*"]
    assert [each.type for each in found] == ["sagemaker endpoint"]


def test_scalable_targets_and_the_logs_that_sagemaker_makes_are_found_by_name() -> None:
    resource = f"endpoint/{STACK}-endpoint/variant/main"
    target = {"ResourceId": resource, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    name = f"/aws/sagemaker/Endpoints/{STACK}-endpoint"
    groups = [{"logGroupName": name}, {"logGroupName": f"{name}-of-somebody-else"}]
    scaling = Client(describe_scalable_targets={"ScalableTargets": [target]})
    logs = Client(
        describe_log_groups=lambda logGroupNamePrefix: {"logGroups": groups if logGroupNamePrefix == name else []}
    )
    found = list(sweep(STACK, Session(application_autoscaling=scaling, logs=logs), remove=True))
    assert [(each.type, each.id, each.removed) for each in found] == [
        ("scalable target", resource, True),
        ("log group", name, True),
    ]


@pytest.mark.parametrize("word", ["inference_component", "endpoint", "endpoint_config", "model"])
def test_the_sweep_calls_operations_that_boto_has(word: str) -> None:
    import boto3

    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    assert callable(getattr(client, f"delete_{word}"))
    assert client.can_paginate(f"list_{word}s")
