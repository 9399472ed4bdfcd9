"""Custom models are deployed on demand or by provisioned throughput, and can't be deleted while they are."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from sandbox_kit import Clients, clients, eventually
from tuning_kit import model, served


@pytest.fixture(scope="module")
def model_arn(emulator_url: str) -> str:
    return model(clients(emulator_url))


def test_upstream_still_lacks_deployments(plain_emulator_url: str) -> None:
    bedrock = clients(plain_emulator_url)("bedrock")
    assert not served(bedrock.list_custom_model_deployments), (
        "plain ministack now has deployments: compare, then delete the addition `bedrock-deployments`"
    )


def test_upstream_still_misnames_a_provisioned_custom_model(plain_emulator_url: str) -> None:
    bedrock = clients(plain_emulator_url)("bedrock")
    asked = "arn:aws:bedrock:us-east-1:000000000000:custom-model/m"
    arn = bedrock.create_provisioned_model_throughput(modelUnits=1, provisionedModelName="gap", modelId=asked)
    found = bedrock.get_provisioned_model_throughput(provisionedModelId=arn["provisionedModelArn"])
    assert found["modelArn"] != asked, (
        "plain ministack now keeps a provisioned custom model: compare, then delete the addition `bedrock-throughput`"
    )


def test_a_deployment_comes_up_and_holds_its_model(aws: Clients, model_arn: str) -> None:
    bedrock = aws("bedrock")
    arn = bedrock.create_custom_model_deployment(
        modelDeploymentName="served", modelArn=model_arn, tags=[{"key": "a", "value": "b"}]
    )["customModelDeploymentArn"]

    def look() -> str:
        return str(bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)["status"])

    assert eventually(lambda: look() == "Active")
    listed = bedrock.list_custom_model_deployments(modelArnEquals=model_arn)["modelDeploymentSummaries"]
    assert [(d["customModelDeploymentName"], d["status"]) for d in listed] == [("served", "Active")]
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "a", "value": "b"}]
    with pytest.raises(ClientError, match="Conflict"):
        bedrock.delete_custom_model(modelIdentifier=model_arn)
    with pytest.raises(ClientError, match="name is currently in use"):
        bedrock.create_custom_model_deployment(modelDeploymentName="served", modelArn=model_arn)
    bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)
    assert bedrock.list_custom_model_deployments(modelArnEquals=model_arn)["modelDeploymentSummaries"] == []


def test_a_deployment_needs_its_model(aws: Clients) -> None:
    absent = "arn:aws:bedrock:us-east-1:000000000000:custom-model/amazon.nova-micro-v1:0:128k/abcdefabcdef"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        aws("bedrock").create_custom_model_deployment(modelDeploymentName="lost", modelArn=absent)


def test_throughput_comes_up_and_holds_its_model(aws: Clients, model_arn: str) -> None:
    bedrock = aws("bedrock")
    arn = bedrock.create_provisioned_model_throughput(modelUnits=1, provisionedModelName="units", modelId=model_arn)
    identifier = arn["provisionedModelArn"]

    def look() -> str:
        return str(bedrock.get_provisioned_model_throughput(provisionedModelId=identifier)["status"])

    assert eventually(lambda: look() == "InService")
    found = bedrock.get_provisioned_model_throughput(provisionedModelId=identifier)
    assert (found["modelArn"], found.get("commitmentDuration")) == (model_arn, None)
    with pytest.raises(ClientError, match="Conflict"):
        bedrock.delete_custom_model(modelIdentifier=model_arn)
    bedrock.delete_provisioned_model_throughput(provisionedModelId=identifier)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        look()


def test_a_commitment_outlasts_its_owner(aws: Clients, model_arn: str) -> None:
    bedrock = aws("bedrock")
    arn = bedrock.create_provisioned_model_throughput(
        modelUnits=1, provisionedModelName="bound", modelId=model_arn, commitmentDuration="OneMonth"
    )["provisionedModelArn"]
    with pytest.raises(ClientError, match="commitment"):
        bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
