"""SageMaker's serverless customization jobs: checked, moved through their states, and left as model packages."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from sandbox_kit import Clients, clients, eventually, standing_time
from tuning_kit import OVER, bucket, role, served

HUB = "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model"
LLAMA = f"{HUB}/meta-textgeneration-llama-3-2-1b-instruct/1.0.0"
LINE = json.dumps({"prompt": "p", "completion": "c"})


def asked(aws: Clients, *lines: str, serverless: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The arguments of a job over these lines, with a group of its own."""
    place, name = bucket(aws, *(lines or [LINE])), f"job-{uuid4().hex[:8]}"
    group = aws("sagemaker").create_model_package_group(ModelPackageGroupName=f"group-{name}")["ModelPackageGroupArn"]
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{place}/train.jsonl"}}
    config = {"JobType": "FineTuning", "CustomizationTechnique": "SFT", "Peft": "LORA", "AcceptEula": True}
    return {
        "TrainingJobName": name,
        "RoleArn": role(aws, "sagemaker.amazonaws.com"),
        "InputDataConfig": [{"ChannelName": "train", "DataSource": source}],
        "OutputDataConfig": {"S3OutputPath": f"{place}/out"},
        "ServerlessJobConfig": {"BaseModelArn": LLAMA, **config, **(serverless or {})},
        "ModelPackageConfig": {"ModelPackageGroupArn": group},
        "HyperParameters": {"max_epochs": "2"},
        **more,
    }


def over(aws: Clients, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = aws("sagemaker").describe_training_job(TrainingJobName=name)
        return found if found["TrainingJobStatus"] in OVER else None

    found: dict[str, Any] = eventually(look)
    return found


def test_upstream_still_lacks_sagemaker(plain_emulator_url: str) -> None:
    sagemaker = clients(plain_emulator_url)("sagemaker")
    assert not served(sagemaker.list_training_jobs), (
        "plain ministack now has SageMaker: compare, then delete the addition `sagemaker`"
    )


def test_a_job_makes_a_model_package(aws: Clients) -> None:
    sagemaker = aws("sagemaker")
    request = asked(aws, Tags=[{"Key": "team", "Value": "a"}])
    name, group = request["TrainingJobName"], request["ModelPackageConfig"]["ModelPackageGroupArn"]
    with standing_time():
        sagemaker.create_training_job(**request)
        first = sagemaker.describe_training_job(TrainingJobName=name)
        assert (first["TrainingJobStatus"], first["SecondaryStatus"]) == ("InProgress", "Starting")
        with pytest.raises(ClientError, match="ResourceInUse"):
            sagemaker.delete_training_job(TrainingJobName=name)

    done = over(aws, name)
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Completed", "Completed")
    assert done["ServerlessJobConfig"] == request["ServerlessJobConfig"]
    assert done["ProgressInfo"]["CurrentEpoch"] == 2
    assert done["FinalMetricDataList"][0]["MetricName"] == "train_loss"
    assert sagemaker.list_tags(ResourceArn=done["TrainingJobArn"])["Tags"] == [{"Key": "team", "Value": "a"}]
    package = sagemaker.describe_model_package(ModelPackageName=done["OutputModelPackageArn"])
    container = package["InferenceSpecification"]["Containers"][0]
    assert container["BaseModel"]["HubContentName"] == "meta-textgeneration-llama-3-2-1b-instruct"
    place, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    assert aws("s3").head_object(Bucket=place, Key=f"{key}/checkpoints/hf_merged/config.json")

    sagemaker.delete_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="not found"):
        sagemaker.describe_training_job(TrainingJobName=name)
    with pytest.raises(ClientError, match="isn't empty"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    listed = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert [item["ModelPackageArn"] for item in listed] == [done["OutputModelPackageArn"]]
    sagemaker.delete_model_package(ModelPackageName=done["OutputModelPackageArn"])
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)


def test_a_job_stops(aws: Clients) -> None:
    sagemaker = aws("sagemaker")
    name = f"fault-slow-{uuid4().hex[:8]}"
    sagemaker.create_training_job(**asked(aws, TrainingJobName=name))
    found = sagemaker.list_training_jobs(NameContains=name, StatusEquals="InProgress")["TrainingJobSummaries"]
    assert [item["TrainingJobName"] for item in found] == [name]
    sagemaker.stop_training_job(TrainingJobName=name)
    assert over(aws, name)["TrainingJobStatus"] == "Stopped"


@pytest.mark.parametrize(
    ("line", "failure"),
    [('{"prompt": "p"}', "Line 1: `completion`"), (LINE.replace('"c"', '"llmstrat-fault-halfway"'), "InternalServer")],
)
def test_bad_data_fails_the_job(aws: Clients, line: str, failure: str) -> None:
    request = asked(aws, line)
    aws("sagemaker").create_training_job(**request)
    found = over(aws, request["TrainingJobName"])
    assert found["TrainingJobStatus"] == "Failed"
    assert failure in found["FailureReason"]
    assert "OutputModelPackageArn" not in found


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"serverless": {"AcceptEula": False}}, "EULA"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/absent"}, "Could not assume role"),
        ({"TrainingJobName": "fault-quota"}, "ResourceLimitExceeded"),
        ({"TrainingJobName": "under_score"}, "trainingJobName.*regular expression"),
    ],
)
def test_what_sagemaker_refuses_is_refused(aws: Clients, changes: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        aws("sagemaker").create_training_job(**asked(aws, **changes))


def test_the_providers_own_words_are_refused(emulator_url: str, aws: Clients) -> None:
    """The enum words that the AWS provider's documentation names aren't the API's."""
    request = asked(aws, serverless={"JobType": "FINE_TUNING", "CustomizationTechnique": "FINE_TUNING"})
    with pytest.raises(ClientError, match=r"enum value set: \[FineTuning, Evaluation\]"):
        aws("sagemaker").create_training_job(**request)
