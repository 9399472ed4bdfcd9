"""SageMaker's facts in our tables, held against botocore's models of the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.session import get_session

from llmstrat_iac.catalog.instances import instances
from llmstrat_iac.catalog.sagemaker_images import COPYING, SERVING, TRAINING, cuda_of, host_cuda, image_uri
from llmstrat_iac.components.sagemaker import images as sdk
from llmstrat_iac.components.sagemaker.schedule import aws_cron
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.runtimes.sagemaker.checks import MAX_ADAPTERS, NOT_SERVING, NOT_TRAINING


def shape(name: str) -> Any:
    return get_session().get_service_model("sagemaker").shape_for(name)


def documented_cuda() -> dict[str, tuple[int, int]]:
    text = re.sub(r"<[^>]+>", " ", shape("ProductionVariant").members["InferenceAmiVersion"].documentation)
    found = re.findall(r"(al\S+-gpu-\S+)\s.*?CUDA version: (\d+)\.(\d+)", text, re.DOTALL)
    return {ami: (int(major), int(minor)) for ami, major, minor in found}


@pytest.mark.parametrize(
    ("enumeration", "missing"), [("TrainingInstanceType", NOT_TRAINING), ("ProductionVariantInstanceType", NOT_SERVING)]
)
def test_the_types_that_sagemaker_lacks(enumeration: str, missing: frozenset[str]) -> None:
    offered = set(shape(enumeration).enum)
    assert {each.name for each in instances() if f"ml.{each.name}" not in offered} == set(missing)


def test_the_hosts_cuda_is_what_the_api_reference_says() -> None:
    known = documented_cuda()
    assert len(known) == 4
    assert {ami: host_cuda(ami) for ami in known} == known
    assert set(known) == {each for each in shape("ProductionVariantInferenceAmiVersion").enum if "-gpu-" in each}


def test_the_limit_of_adapters_is_the_apis() -> None:
    assert shape("AdditionalModelDataSources").metadata["max"] == MAX_ADAPTERS


@pytest.mark.parametrize(
    ("tag", "cuda"),
    [
        ("server-sagemaker-cuda-v2.4", (13, 0)),
        ("server-sagemaker-cuda-v1", (12, 9)),
        ("0.27.1-gpu-py312-cu130-ubuntu22.04-sagemaker", (13, 0)),
        ("2.13-cu133-amzn2023-sagemaker", (13, 3)),
        ("2.13-cpu-amzn2023-sagemaker", None),
        ("server-sagemaker-cuda-v9", None),
    ],
)
def test_the_cuda_of_an_image_is_in_its_tag(tag: str, cuda: tuple[int, int] | None) -> None:
    assert cuda_of(f"763104351884.dkr.ecr.us-east-1.amazonaws.com/vllm:{tag}") == cuda


def test_the_image_that_serves_suits_the_host_that_is_taken_by_default() -> None:
    needed = cuda_of(image_uri(SERVING, "us-east-1"))
    assert needed is not None
    assert needed <= host_cuda("al2023-ami-sagemaker-inference-gpu-4-1")


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("us-east-1", "763104351884.dkr.ecr.us-east-1.amazonaws.com/"),
        ("eu-south-2", "503227376785.dkr.ecr.eu-south-2.amazonaws.com/"),
        ("cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_registries_differ_by_region(region: str, start: str) -> None:
    """As sagemaker-core 2.27.0 says for the same frameworks and versions."""
    for image in (SERVING, TRAINING, COPYING):
        assert image_uri(image, region) == f"{start}{image.repository}:{image.tag}"


def test_without_the_sdk_the_table_answers() -> None:
    assert sdk.resolve(SERVING, "us-east-1") == image_uri(SERVING, "us-east-1")


def test_the_sdk_is_asked_for_the_same_container() -> None:
    asked = []

    def retrieve(**arguments: str) -> str:
        asked.append(arguments)
        return "uri"

    assert [sdk.resolve(image, "us-east-1", retrieve) for image in (SERVING, COPYING)] == ["uri", "uri"]
    assert [each["framework"] for each in asked] == ["vllm-server", "pytorch-amzn2023"]
    assert [each["instance_type"] for each in asked] == ["ml.g5.xlarge", "ml.m5.xlarge"]


def test_a_region_that_the_sdk_does_not_know_is_an_error_that_can_be_repaired() -> None:
    def retrieve(**_: str) -> str:
        raise ValueError("Unsupported region: xx-south-9")

    with pytest.raises(LlmstratError, match="xx-south-9") as caught:
        sdk.resolve(SERVING, "xx-south-9", retrieve)
    assert "another region" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 7 * * 1-5", "cron(0 7 ? * 2-6 *)"),
        ("30 19 * * *", "cron(30 19 * * ? *)"),
        ("0 0 1 * *", "cron(0 0 1 * ? *)"),
        ("0 8 * * 0,6", "cron(0 8 ? * 1,7 *)"),
        ("0 8 * * 7", "cron(0 8 ? * 1 *)"),
        ("0 8 * * MON-FRI", "cron(0 8 ? * MON-FRI *)"),
    ],
)
def test_days_of_the_week_are_counted_as_aws_counts_them(cron: str, expected: str) -> None:
    assert aws_cron(cron) == expected


@pytest.mark.parametrize("cron", ["0 8 1 * 1", "0 8 * * */2"])
def test_what_aws_cannot_express_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"AWS takes|list the days"):
        aws_cron(cron)
