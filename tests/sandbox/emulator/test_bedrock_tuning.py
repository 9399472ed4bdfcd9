"""Bedrock's customization jobs move through their states, check what Bedrock checks, and make models."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sandbox_kit import Clients, clients, standing_time
from tuning_kit import NOVA_MICRO, job, model, nova_line, over, role

from llmstrat_iac.sandbox.jobs import job_seconds


def start(aws: Clients, *lines: str, **more: Any) -> str:
    asked = job(aws, *lines, **more)
    aws("bedrock").create_model_customization_job(**asked)
    return str(asked["jobName"])


def test_upstream_still_finds_no_base_and_no_end(plain_emulator_url: str) -> None:
    plain = clients(plain_emulator_url)
    bedrock = plain("bedrock")
    assert not bedrock.list_foundation_models(byCustomizationType="FINE_TUNING")["modelSummaries"], (
        "plain ministack now knows tunable models: compare, then delete the addition `bedrock-bases`"
    )
    asked = job(plain)
    bedrock.create_model_customization_job(**{**asked, "roleArn": "arn:aws:iam::000000000000:role/absent"})
    time.sleep(0.2)
    found = bedrock.get_model_customization_job(jobIdentifier=asked["jobName"])
    assert (found["status"], found.get("outputModelName")) == ("InProgress", None), (
        "plain ministack now checks or ends customization jobs: compare, then delete the addition `bedrock-jobs`"
    )


def test_tunable_bases_have_a_lifecycle(aws: Clients) -> None:
    bedrock = aws("bedrock")
    found = {
        m["modelId"]: m for m in bedrock.list_foundation_models(byCustomizationType="FINE_TUNING")["modelSummaries"]
    }
    assert found[NOVA_MICRO]["modelLifecycle"] == {"status": "ACTIVE"}
    assert bedrock.get_foundation_model(modelIdentifier=NOVA_MICRO)["modelDetails"]["modelId"] == NOVA_MICRO
    assert bedrock.list_foundation_models()["modelSummaries"]


def test_a_job_runs_and_makes_a_model(aws: Clients) -> None:
    bedrock, s3 = aws("bedrock"), aws("s3")
    asked = job(aws, customModelTags=[{"key": "team", "value": "a"}], jobTags=[{"key": "team", "value": "b"}])
    with standing_time() as go_on:
        arn = bedrock.create_model_customization_job(**asked)["jobArn"]
        first = bedrock.get_model_customization_job(jobIdentifier=arn)
        assert (first["status"], first.get("outputModelArn")) == ("InProgress", None)
        go_on(job_seconds() / 2)
        then = bedrock.get_model_customization_job(jobIdentifier=arn)
        assert then["statusDetails"]["trainingDetails"]["status"] == "InProgress"

    done = over(aws, arn)
    assert done["status"] == "Completed"
    assert done["endTime"] > done["creationTime"]
    assert 0 < done["trainingMetrics"]["trainingLoss"] < 2
    found = bedrock.get_custom_model(modelIdentifier=done["outputModelArn"])
    assert (found["modelName"], found["jobArn"]) == (asked["customModelName"], arn)
    assert NOVA_MICRO in done["outputModelArn"]
    tags = bedrock.list_tags_for_resource(resourceARN=done["outputModelArn"])["tags"]
    assert tags == [{"key": "team", "value": "a"}]
    place = asked["outputDataConfig"]["s3Uri"].removeprefix("s3://").partition("/")[0]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=place, Prefix="out/")["Contents"]]
    bedrock.delete_custom_model(modelIdentifier=done["outputModelArn"])
    with pytest.raises(ClientError, match="ResourceNotFound"):
        bedrock.get_custom_model(modelIdentifier=done["outputModelArn"])
    assert bedrock.get_model_customization_job(jobIdentifier=arn)["status"] == "Completed"


def test_jobs_are_listed_by_name_and_page(aws: Clients) -> None:
    names = [start(aws, jobName=f"listed-{number}", customModelName=f"listed-{number}") for number in range(3)]
    pages = aws("bedrock").get_paginator("list_model_customization_jobs")
    found = pages.paginate(nameContains="listed-", PaginationConfig={"PageSize": 2}).build_full_result()
    assert [s["jobName"] for s in found["modelCustomizationJobSummaries"]] == names[::-1]


def test_the_same_request_twice_is_one_job(aws: Clients) -> None:
    asked = job(aws, clientRequestToken="once")
    create = aws("bedrock").create_model_customization_job
    assert create(**asked)["jobArn"] == create(**asked)["jobArn"]
    with pytest.raises(ClientError, match="job name is currently in use"):
        create(**{**asked, "clientRequestToken": "twice"})


def test_a_running_job_stops_and_a_finished_one_does_not(aws: Clients) -> None:
    bedrock = aws("bedrock")
    name = start(aws, jobName="fault-slow-1", customModelName="fault-slow-1")
    bedrock.stop_model_customization_job(jobIdentifier=name)
    assert over(aws, name)["status"] == "Stopped"
    with pytest.raises(ClientError, match="Conflict"):
        bedrock.stop_model_customization_job(jobIdentifier=name)


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        (["{not json"], "Line 1 isn't valid JSON"),
        ([nova_line(), nova_line("User: hi")], "Line 2: reserved word `User:`"),
        (['{"messages": []}'], "`schemaVersion` is missing"),
        (["", ""], "empty"),
        ([nova_line("llmstrat-fault-halfway")], "internal error"),
        ([nova_line("llmstrat-fault-data")], "fault-data"),
    ],
)
def test_bad_data_fails_the_job(aws: Clients, lines: list[str], failure: str) -> None:
    found = over(aws, start(aws, *lines))
    assert found["status"] == "Failed"
    assert failure in found["failureMessage"]
    assert "outputModelArn" not in found


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"baseModelIdentifier": "amazon.nova-micro-v1:0"}, "model identifier is invalid"),
        ({"trainingDataConfig": {"s3Uri": "s3://absent-bucket/train.jsonl"}}, "Could not access the S3 object"),
        ({"roleArn": "arn:aws:iam::000000000000:role/absent"}, "Could not assume provided IAM role"),
        ({"customModelName": "with.dot"}, "customModelName.*regular expression"),
        ({"jobName": "quota-fault-quota"}, "ServiceQuotaExceeded"),
        ({"jobName": "fault-429"}, "Throttling"),
        ({"jobName": "fault-500"}, "InternalServer"),
    ],
)
def test_what_bedrock_refuses_is_refused(aws: Clients, changes: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        start(aws, **changes)


def test_a_role_for_another_service_is_refused(aws: Clients) -> None:
    with pytest.raises(ClientError, match="Could not assume"):
        start(aws, roleArn=role(aws, "lambda.amazonaws.com"))


def test_a_counted_refusal_goes_away(aws: Clients) -> None:
    asked = job(aws, jobName="fault-quotax1")
    with pytest.raises(ClientError, match="ServiceQuotaExceeded"):
        aws("bedrock").create_model_customization_job(**asked)
    assert aws("bedrock").create_model_customization_job(**asked)["jobArn"]


def test_models_are_listed(aws: Clients) -> None:
    arn = model(aws, jobName="named", customModelName="listed_model")
    found = aws("bedrock").list_custom_models(nameContains="listed_model")["modelSummaries"]
    assert [(m["modelArn"], m["modelStatus"]) for m in found] == [(arn, "Active")]
