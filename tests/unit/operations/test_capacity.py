"""Capacity paid in advance: asked for as long as the plan needs, cheapest first, bought once and only the one named.

EC2 sells capacity blocks, SageMaker training plans, for jobs or for clusters: the spec's runtime decides.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.components.ec2.capacity_blocks import block_hours
from llmstrat_iac.components.sagemaker.training_plans import CLUSTERS, JOBS, plan_hours, plan_size
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.operations.capacity import await_payment, choose, offerings, open_market
from llmstrat_iac.planner.load import load_spec

EXAMPLE = Path(__file__).parents[3] / "examples/from-scratch/llama-1b-two-nodes/spec.yaml"
START, END = datetime(2026, 12, 1, 11, 30, tzinfo=UTC), datetime(2026, 12, 2, 11, 30, tzinfo=UTC)
PLAN = "arn:aws:sagemaker:us-east-1:000000000000:training-plan/bought"


def raw(identity: str, zone: str, fee: str) -> dict[str, Any]:
    """An offering of EC2's."""
    return {
        "CapacityBlockOfferingId": identity,
        "InstanceType": "p4d.24xlarge",
        "InstanceCount": 2,
        "AvailabilityZone": zone,
        "StartDate": START,
        "EndDate": END,
        "UpfrontFee": fee,
        "CurrencyCode": "USD",
    }


def plan(identity: str, *zones: str, fee: str = "900.50") -> dict[str, Any]:
    """An offering of SageMaker's, with a day in each of the zones and a day between."""
    parts = [
        {
            "InstanceType": "ml.p4d.24xlarge",
            "InstanceCount": 2,
            "AvailabilityZone": zone,
            "StartTime": START + timedelta(days=2 * number),
            "EndTime": END + timedelta(days=2 * number),
        }
        for number, zone in enumerate(zones)
    ]
    return {
        "TrainingPlanOfferingId": identity,
        "TargetResources": ["training-job"],
        "UpfrontFee": fee,
        "CurrencyCode": "USD",
        "ReservedCapacityOfferings": parts,
    }


def account(*found: dict[str, Any], **sagemaker: Any) -> FakeAccount:
    """EC2 has those on sale that are EC2's, SageMaker the others; both sell."""
    bought = {"CapacityReservation": {"CapacityReservationId": "cr-1"}}
    blocks = [each for each in found if "CapacityBlockOfferingId" in each]
    return FakeAccount(
        {
            "ec2": {
                "describe_capacity_block_offerings": {"CapacityBlockOfferings": blocks},
                "purchase_capacity_block": bought,
            },
            "sagemaker": {
                "search_training_plan_offerings": {
                    "TrainingPlanOfferings": [each for each in found if each not in blocks]
                },
                "create_training_plan": {"TrainingPlanArn": PLAN},
                **sagemaker,
            },
        }
    )


def spec(folder: Path, runtime: str, more: str = "") -> ResolvedSpec:
    """The example on another runtime, with `more` lines in its cluster."""
    path = folder / "spec.yaml"
    path.write_text(EXAMPLE.read_text().replace("runtime: ec2", f"runtime: {runtime}{more}", 1))
    return load_spec(path)


@pytest.mark.parametrize(
    ("days", "hours"), [(0.1, 24), (1.0, 24), (13.2, 14 * 24), (15.0, 21 * 24), (53.0, 56 * 24), (182.0, 182 * 24)]
)
def test_the_block_is_the_shortest_that_lasts(days: float, hours: int) -> None:
    assert block_hours(days) == hours


@pytest.mark.parametrize(
    ("days", "target", "hours"), [(0.1, JOBS, 24), (0.97, JOBS, 24), (0.97, CLUSTERS, 48), (15.0, JOBS, 16 * 24)]
)
def test_a_plan_lasts_until_its_instances_are_taken_away(days: float, target: str, hours: int) -> None:
    assert plan_hours(days, target) == hours


def test_plans_are_sold_in_powers_of_two() -> None:
    assert [plan_size(nodes) for nodes in (1, 2, 3, 5, 64)] == [1, 2, 4, 8, 64]
    with pytest.raises(LlmstratError, match="65 instances are more than a training plan reserves"):
        plan_size(65)


def test_nothing_lasts_longer_than_half_a_year() -> None:
    with pytest.raises(LlmstratError, match="200 days are more than a capacity block"):
        block_hours(200)
    with pytest.raises(LlmstratError, match="200 days are more than a training plan"):
        plan_hours(200, JOBS)


def test_offers_are_asked_for_the_planned_cluster_and_sorted_by_price() -> None:
    fake = account(raw("cb-dear", "us-east-1a", "1200.00"), raw("cb-cheap", "us-east-1b", "900.50"))
    found = offerings(open_market(load_spec(EXAMPLE), fake))
    assert [(each.id, each.product, each.hours) for each in found] == [
        ("cb-cheap", "capacity-block", 24.0),
        ("cb-dear", "capacity-block", 24.0),
    ]
    ((_, _, asked),) = fake.calls
    assert asked == {"InstanceType": "p4d.24xlarge", "InstanceCount": 2, "CapacityDurationHours": 24}


@pytest.mark.parametrize(("runtime", "target"), [("sagemaker", JOBS), ("hyperpod", CLUSTERS)])
def test_plans_are_asked_for_what_the_runtime_uses(tmp_path: Path, runtime: str, target: str) -> None:
    fake = account(plan("tpo-1", "us-east-1a"), raw("cb-1", "us-east-1a", "1.00"))
    (found,) = offerings(open_market(spec(tmp_path, runtime), fake))
    assert (found.product, found.count, found.zone, found.parts) == ("training-plan", 2, "us-east-1a", 1)
    ((service, _, asked),) = fake.calls
    assert (service, asked["InstanceType"], asked["TargetResources"]) == ("sagemaker", "ml.p4d.24xlarge", [target])
    assert asked["InstanceCount"] == 2
    assert asked["DurationHours"] % 24 == 0


def test_a_plan_in_several_zones_is_of_no_use_to_a_cluster_in_one(tmp_path: Path) -> None:
    fake = account(
        plan("tpo-split", "us-east-1a", "us-east-1b", fee="1.00"),
        plan("tpo-gap", "us-east-1b", "us-east-1b", fee="950.00"),
        plan("tpo-other", "us-east-1a"),
    )
    (found,) = offerings(open_market(spec(tmp_path, "sagemaker", "\n  zone: us-east-1b"), fake))
    assert (found.id, found.parts, found.hours) == ("tpo-gap", 2, 48.0)
    assert (found.start, found.end) == (START, END + timedelta(days=2))


def test_only_the_named_offer_is_bought_with_the_stacks_tags() -> None:
    resolved, fake = load_spec(EXAMPLE), account(raw("cb-1", "us-east-1a", "900.50"))
    market = open_market(resolved, fake)
    assert market.buy(choose(offerings(market), 1)) == "cr-1"
    bought = [arguments for _, operation, arguments in fake.calls if operation == "purchase_capacity_block"]
    assert [each["CapacityBlockOfferingId"] for each in bought] == ["cb-1"]
    tags = {tag["Key"]: tag["Value"] for tag in bought[0]["TagSpecifications"][0]["Tags"]}
    assert tags["llmstrat:stack"] == resolved.stack_name


def test_a_plan_is_bought_under_a_name_of_its_offer(tmp_path: Path) -> None:
    """So that SageMaker refuses to sell it again to a call that is repeated."""
    resolved = spec(tmp_path, "sagemaker")
    fake = account(plan("tpo-1", "us-east-1a"), plan("tpo-2", "us-east-1a", fee="2000"))
    market = open_market(resolved, fake)
    first, second = offerings(market)
    assert [market.buy(each) for each in (first, first, second)] == [PLAN] * 3
    bought = [arguments for _, operation, arguments in fake.calls if operation == "create_training_plan"]
    names = [each["TrainingPlanName"] for each in bought]
    assert names[0] == names[1] != names[2]
    assert names[0].startswith(f"{resolved.stack_name}-")
    assert [each["TrainingPlanOfferingId"] for each in bought] == ["tpo-1", "tpo-1", "tpo-2"]
    assert {"Key": "llmstrat:stack", "Value": resolved.stack_name} in bought[0]["Tags"]


def test_an_offer_that_is_gone_is_said_and_nothing_bought() -> None:
    fake = account(raw("cb-1", "us-east-1a", "900.50"))
    with pytest.raises(LlmstratError, match="there is no offer 2 for this spec now: 1 on sale"):
        choose(offerings(open_market(load_spec(EXAMPLE), fake)), 2)
    assert fake.operations("purchase_") == []


@pytest.mark.parametrize(
    ("runtime", "operation"), [("ec2", "purchase_capacity_block"), ("sagemaker", "create_training_plan")]
)
def test_awss_refusal_is_told(tmp_path: Path, runtime: str, operation: str) -> None:
    fake = account(raw("cb-1", "us-east-1a", "900.50"), plan("tpo-1", "us-east-1a"))
    fake.answers["ec2" if runtime == "ec2" else "sagemaker"][operation] = error("OfferingExpired")
    market = open_market(spec(tmp_path, runtime), fake)
    with pytest.raises(LlmstratError, match="OfferingExpired"):
        market.buy(choose(offerings(market), 1))


def test_a_search_beyond_the_quota_names_it(tmp_path: Path) -> None:
    fake = account(search_training_plan_offerings=error("ResourceLimitExceeded"))
    with pytest.raises(LlmstratError, match="ResourceLimitExceeded") as caught:
        offerings(open_market(spec(tmp_path, "sagemaker"), fake))
    assert "Number of ml.p4d.24xlarge instances in reserved capacity" in str(caught.value.remedy)


def test_payment_is_waited_for(tmp_path: Path) -> None:
    answers = iter(({"Status": "Pending"}, {"Status": "Pending"}, {"Status": "Scheduled"}))
    fake = account(describe_training_plan=lambda **_: next(answers))
    slept: list[float] = []
    assert await_payment(open_market(spec(tmp_path, "sagemaker"), fake), PLAN, sleep=slept.append)
    assert len(slept) == 2
    forever = account(describe_training_plan={"Status": "Pending"})
    assert not await_payment(open_market(spec(tmp_path, "sagemaker"), forever), PLAN, sleep=slept.append)
    assert 60 < sum(slept) < 600


def test_a_payment_that_failed_is_an_error(tmp_path: Path) -> None:
    failed = {"Status": "Failed", "StatusMessage": "no money"}
    with pytest.raises(LlmstratError, match="is Failed: no money"):
        open_market(spec(tmp_path, "sagemaker"), account(describe_training_plan=failed)).is_paid(PLAN)
    fake = account()
    for state, paid in (("payment-pending", False), ("scheduled", True)):
        fake.answers["ec2"]["describe_capacity_reservations"] = {"CapacityReservations": [{"State": state}]}
        assert open_market(load_spec(EXAMPLE), fake).is_paid("cr-1") is paid
    fake.answers["ec2"]["describe_capacity_reservations"] = {"CapacityReservations": [{"State": "payment-failed"}]}
    with pytest.raises(LlmstratError, match="`cr-1` is payment-failed"):
        open_market(load_spec(EXAMPLE), fake).is_paid("cr-1")


def test_a_spec_without_cluster_has_no_use_for_capacity() -> None:
    closed = EXAMPLE.parents[2] / "closed-api/one-provider.yaml"
    with pytest.raises(LlmstratError, match="has no cluster"):
        open_market(load_spec(closed), account())


def test_a_runtime_that_sells_nothing_says_so() -> None:
    resolved = load_spec(EXAMPLE)
    assert resolved.pretraining is not None
    runtime = replace(resolved.pretraining.runtime, market="")
    without = replace(resolved, pretraining=replace(resolved.pretraining, runtime=runtime))
    with pytest.raises(LlmstratError, match="sells no capacity in advance"):
        open_market(without, account())
