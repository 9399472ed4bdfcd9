"""The account's quotas against what a spec needs: enough, short, in use by others, unknown; and few calls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.quotas import ec2_need, sagemaker_need
from llmstrat_iac.components.quotas import check_quotas
from llmstrat_iac.plan import Severity
from llmstrat_iac.plugins import create_registry

ABSENT = error("NoSuchResourceException")
ENDPOINT = {"QuotaName": "ml.g6e.xlarge for endpoint usage", "QuotaCode": "L-12345678"}


def instance(name: str) -> InstanceType:
    found = find_instance(name)
    assert found is not None
    return found


def account(value: float | None, *, used: float | None = None, default: float | None = None) -> FakeAccount:
    def answer(number: float | None) -> Any:
        return lambda ServiceCode, QuotaCode: {"Quota": {"Value": number, "QuotaCode": QuotaCode}}

    return FakeAccount(
        {
            "service-quotas": {
                "get_service_quota": ABSENT if value is None else answer(value),
                "get_aws_default_service_quota": ABSENT if default is None else answer(default),
                "list_aws_default_service_quotas": {"Quotas": [ENDPOINT]},
            },
            "cloudwatch": {"get_metric_statistics": {"Datapoints": [] if used is None else [{"Maximum": used}]}},
        }
    )


def test_a_quota_that_suffices_says_with_what_numbers(tmp_path: Path) -> None:
    need = ec2_need("serving", instance("g6e.xlarge"), 2, "on-demand")
    (finding,) = check_quotas([need], account(64, used=12), cache=tmp_path / "codes")
    assert finding.severity is Severity.INFO
    assert "`Running On-Demand G and VT instances` (L-DB2E81BA) suffices: 8 vCPUs of 64, 12 in use" in finding.message


def test_zero_is_refused_with_the_command_that_raises_it(tmp_path: Path) -> None:
    need = ec2_need("training", instance("p4d.24xlarge"), 1, "on-demand")
    (finding,) = check_quotas([need], account(0), cache=tmp_path / "codes")
    assert (finding.severity, finding.path) == (Severity.ERROR, "training.instance")
    assert "is 0 vCPUs, and 96 are needed" in finding.message
    assert "--service-code ec2 --quota-code L-417A185B --desired-value 96" in finding.remedy


def test_the_quota_is_raised_in_the_specs_region(tmp_path: Path) -> None:
    arn = "arn:aws:servicequotas:eu-central-1:111122223333:ec2/L-417A185B"
    quota = {"Quota": {"Value": 0, "QuotaCode": "L-417A185B", "QuotaArn": arn}}
    need = ec2_need("training", instance("p4d.24xlarge"), 1, "on-demand")
    fake = FakeAccount({"service-quotas": {"get_service_quota": quota}})
    (finding,) = check_quotas([need], fake, cache=tmp_path / "codes")
    assert "--service-code ec2 --region eu-central-1 --quota-code L-417A185B" in finding.remedy


def test_what_others_use_is_a_warning_only(tmp_path: Path) -> None:
    need = ec2_need("serving", instance("g5.12xlarge"), 1, "on-demand")
    (finding,) = check_quotas([need], account(64, used=48), cache=tmp_path / "codes")
    assert finding.severity is Severity.WARNING
    assert "48 vCPUs of 64 are needed and 48 in use" in finding.message


def test_needs_of_one_quota_are_added_up(tmp_path: Path) -> None:
    needs = [ec2_need(use, instance("g5.12xlarge"), 1, "on-demand") for use in ("training", "serving")]
    (finding,) = check_quotas(needs, account(64), cache=tmp_path / "codes")
    assert "96 are needed" in finding.message


@pytest.mark.parametrize(("limit", "severity"), [(7, Severity.ERROR), (11, Severity.WARNING), (12, Severity.INFO)])
def test_a_change_of_the_fleet_needs_room_for_more(limit: float, severity: Severity, tmp_path: Path) -> None:
    training = ec2_need("training", instance("g6e.xlarge"), 1, "on-demand")
    serving = replace(ec2_need("serving", instance("g6e.xlarge"), 1, "on-demand"), exchange=12.0)
    (finding,) = check_quotas([training, serving], account(limit), cache=tmp_path / "codes")
    assert finding.severity is severity
    if severity is Severity.WARNING:
        assert "enough for the 8 that are needed, but a change of the fleet takes 12" in finding.message
    if severity is not Severity.INFO:
        assert "--desired-value 12" in finding.remedy


@pytest.mark.parametrize(("replicas", "ec2", "sagemaker"), [(1, 1, 1), (3, 1, 3), (10, 1, 10), (11, 2, 11)])
def test_how_many_more_a_change_takes(replicas: int, ec2: int, sagemaker: int) -> None:
    runtimes = create_registry().runtimes
    assert (runtimes["ec2"].surge(replicas), runtimes["sagemaker"].surge(replicas)) == (ec2, sagemaker)


def test_a_quota_that_was_never_raised_has_its_default(tmp_path: Path) -> None:
    need = ec2_need("serving", instance("g5.xlarge"), 1, "on-demand")
    (finding,) = check_quotas([need], account(None, default=0), cache=tmp_path / "codes")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "answers",
    [
        {"get_service_quota": ABSENT, "get_aws_default_service_quota": ABSENT},
        {"get_service_quota": error("AccessDeniedException")},
        {"get_service_quota": {"Quota": {"QuotaCode": "L", "ErrorReason": {"ErrorCode": "DEPENDENCY_ACCESS_DENIED"}}},
         "get_aws_default_service_quota": ABSENT},
    ],
)  # fmt: skip
def test_what_aws_does_not_tell_is_unknown_and_not_unlimited(answers: dict[str, Any], tmp_path: Path) -> None:
    need = ec2_need("training", instance("p5.48xlarge"), 1, "spot")
    (finding,) = check_quotas([need], FakeAccount({"service-quotas": answers}), cache=tmp_path / "codes")
    assert finding.severity is Severity.WARNING
    assert "All P5 Spot Instance Requests" in finding.message
    assert "unknown" in finding.message


def test_sagemakers_quotas_are_found_by_name_and_listed_once(tmp_path: Path) -> None:
    need = sagemaker_need(instance("g6e.xlarge"), 1, use="serving", capacity="on-demand")
    fake = account(2)
    for _ in range(3):
        (finding,) = check_quotas([need], fake, cache=tmp_path / "codes")
        assert "suffices: 1 instances of 2" in finding.message
    assert fake.operations("list_") == ["list_aws_default_service_quotas"]
    assert len(fake.operations("get_service_quota")) == 3  # the value itself is asked for each time


def test_a_broken_cache_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "codes").write_text("{not json")
    need = sagemaker_need(instance("g6e.xlarge"), 1, use="serving", capacity="on-demand")
    (finding,) = check_quotas([need], account(0), cache=tmp_path / "codes")
    assert finding.severity is Severity.ERROR
