"""Quotas are told page by page, by code and exact name, and a test can lower and throttle them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from quota_kit import set_quotas
from sandbox_kit import Clients, clients
from tuning_kit import served

G_ON_DEMAND = "L-DB2E81BA"


@pytest.fixture
def quotas(emulator_url: str, aws: Clients) -> Iterator[Any]:
    yield aws("service-quotas")
    set_quotas(emulator_url, {})


def test_upstream_still_lacks_service_quotas(plain_emulator_url: str) -> None:
    plain = clients(plain_emulator_url)("service-quotas")
    assert not served(lambda: plain.list_service_quotas(ServiceCode="ec2")), (
        "plain ministack now has Service Quotas: compare, then delete the addition `service-quotas`"
    )


def test_a_quota_is_found_by_code(quotas: Any) -> None:
    found = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=G_ON_DEMAND)["Quota"]
    assert found["QuotaName"] == "Running On-Demand G and VT instances"
    assert found["Value"] >= 192
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-00000000")
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.list_service_quotas(ServiceCode="polly")


def test_sagemakers_quotas_are_listed_page_by_page(quotas: Any) -> None:
    pages = list(quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker"))
    names = [quota["QuotaName"] for page in pages for quota in page["Quotas"]]
    assert len(pages) > 5
    assert len(names) == len(set(names))
    assert {
        "ml.g6e.xlarge for endpoint usage", "ml.g5.2xlarge for spot training job usage",
        "ml.p5.48xlarge for training job usage", "ml.p5.48xlarge for cluster usage",
    } <= set(names)  # fmt: skip


def test_a_lowered_quota_leaves_the_default(emulator_url: str, quotas: Any) -> None:
    set_quotas(emulator_url, {G_ON_DEMAND: 0})
    assert quotas.get_service_quota(ServiceCode="ec2", QuotaCode=G_ON_DEMAND)["Quota"]["Value"] == 0
    assert quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode=G_ON_DEMAND)["Quota"]["Value"] > 0
    set_quotas(emulator_url, {})
    assert quotas.get_service_quota(ServiceCode="ec2", QuotaCode=G_ON_DEMAND)["Quota"]["Value"] > 0


def test_calls_are_throttled_on_demand(emulator_url: str, quotas: Any) -> None:
    set_quotas(emulator_url, {}, throttle=1)
    with pytest.raises(ClientError, match="TooManyRequests"):
        quotas.list_service_quotas(ServiceCode="ec2")
    assert quotas.list_service_quotas(ServiceCode="ec2")["Quotas"]
