"""Weights in S3 become a model in Bedrock, if they are in Hugging Face's format and the role may read them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from sandbox_kit import Clients, eventually

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
FAR = "arn:aws:iam::000000000000:role/nobody"


@pytest.fixture(scope="module")
def role(aws: Clients) -> Iterator[str]:
    iam = aws("iam")
    yield iam.create_role(RoleName="import", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.delete_role(RoleName="import")


@pytest.fixture(scope="module")
def bucket(aws: Clients) -> str:
    aws("s3").create_bucket(Bucket="weights")
    aws("s3").put_object(Bucket="weights", Key="good/config.json", Body=b"{}")
    return "s3://weights"


def start(aws: Clients, name: str, source: str, role: str) -> str:
    answer = aws("bedrock").create_model_import_job(
        jobName=name,
        importedModelName=name,
        roleArn=role,
        modelDataSource={"s3DataSource": {"s3Uri": source}},
        importedModelTags=[{"key": "a", "value": "b"}],
    )
    return str(answer["jobArn"])


def test_import_makes_a_model_that_can_be_deleted(aws: Clients, bucket: str, role: str) -> None:
    bedrock = aws("bedrock")
    job = start(aws, "good", f"{bucket}/good/", role)
    assert eventually(lambda: bedrock.get_model_import_job(jobIdentifier=job)["status"] == "Completed")
    arn = bedrock.get_model_import_job(jobIdentifier=job)["importedModelArn"]
    assert [model["modelArn"] for model in bedrock.list_imported_models(nameContains="good")["modelSummaries"]] == [arn]
    assert bedrock.get_imported_model(modelIdentifier=arn)["jobName"] == "good"
    assert bedrock.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "a", "value": "b"}]
    bedrock.delete_imported_model(modelIdentifier=arn)
    assert bedrock.list_imported_models(nameContains="good")["modelSummaries"] == []


def test_weights_without_a_config_fail(aws: Clients, bucket: str, role: str) -> None:
    bedrock = aws("bedrock")
    job = start(aws, "bare", f"{bucket}/nothing/", role)
    assert eventually(lambda: bedrock.get_model_import_job(jobIdentifier=job)["status"] == "Failed")
    assert "config.json" in bedrock.get_model_import_job(jobIdentifier=job)["failureMessage"]
    assert [one["jobName"] for one in bedrock.list_model_import_jobs(statusEquals="Failed")["modelImportJobSummaries"]]


def test_role_that_bedrock_cannot_assume(aws: Clients, bucket: str) -> None:
    with pytest.raises(ClientError, match="assume"):
        start(aws, "far", f"{bucket}/good/", FAR)


def test_hub_has_a_llama_and_no_unicorn(aws: Clients) -> None:
    sagemaker = aws("sagemaker")
    wanted = {"HubName": "SageMakerPublicHub", "HubContentType": "Model"}
    name = "meta-textgeneration-llama-3-1-8b-instruct"
    assert sagemaker.describe_hub_content(**wanted, HubContentName=name)["HubContentName"] == name
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sagemaker.describe_hub_content(**wanted, HubContentName="unicorn")
