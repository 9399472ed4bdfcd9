"""Capacity blocks: asked for as long as the plan needs, the cheapest first, bought once and only the one named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.operations.capacity import Offering, block_hours, buy, choose, offerings
from llmstrat_iac.planner.load import load_spec

EXAMPLE = Path(__file__).parents[3] / "examples/from-scratch/llama-1b-two-nodes/spec.yaml"
START, END = datetime(2026, 12, 1, 11, 30, tzinfo=UTC), datetime(2026, 12, 2, 11, 30, tzinfo=UTC)


def raw(identity: str, zone: str, fee: str) -> dict[str, Any]:
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


def account(*found: dict[str, Any]) -> FakeAccount:
    bought = {"CapacityReservation": {"CapacityReservationId": "cr-1"}}
    return FakeAccount(
        {
            "ec2": {
                "describe_capacity_block_offerings": {"CapacityBlockOfferings": list(found)},
                "purchase_capacity_block": bought,
            }
        }
    )


@pytest.mark.parametrize(
    ("days", "hours"), [(0.1, 24), (1.0, 24), (13.2, 14 * 24), (15.0, 21 * 24), (53.0, 56 * 24), (182.0, 182 * 24)]
)
def test_the_block_is_the_shortest_that_lasts(days: float, hours: int) -> None:
    assert block_hours(days) == hours


def test_no_block_lasts_longer_than_half_a_year() -> None:
    with pytest.raises(LlmstratError, match="200 days are more"):
        block_hours(200)


def test_offers_are_asked_for_the_planned_cluster_and_sorted_by_price() -> None:
    fake = account(raw("cb-dear", "us-east-1a", "1200.00"), raw("cb-cheap", "us-east-1b", "900.50"))
    found = offerings(load_spec(EXAMPLE), fake)
    assert [each.id for each in found] == ["cb-cheap", "cb-dear"]
    assert found[0].hours == 24
    ((_, _, asked),) = fake.calls
    assert asked == {"InstanceType": "p4d.24xlarge", "InstanceCount": 2, "CapacityDurationHours": 24}


def test_only_the_named_offer_is_bought_with_the_stacks_tags() -> None:
    resolved, fake = load_spec(EXAMPLE), account(raw("cb-1", "us-east-1a", "900.50"))
    assert buy(choose(offerings(resolved, fake), 1), resolved, fake) == "cr-1"
    bought = [arguments for _, operation, arguments in fake.calls if operation == "purchase_capacity_block"]
    assert [each["CapacityBlockOfferingId"] for each in bought] == ["cb-1"]
    tags = {tag["Key"]: tag["Value"] for tag in bought[0]["TagSpecifications"][0]["Tags"]}
    assert tags["llmstrat:stack"] == resolved.stack_name


def test_an_offer_that_is_gone_is_said_and_nothing_bought() -> None:
    fake = account(raw("cb-1", "us-east-1a", "900.50"))
    with pytest.raises(LlmstratError, match="there is no offer 2 for this spec now: 1 on sale"):
        choose(offerings(load_spec(EXAMPLE), fake), 2)
    assert fake.operations("purchase_") == []


def test_awss_refusal_is_told() -> None:
    fake = account()
    fake.answers["ec2"]["purchase_capacity_block"] = error("CapacityBlockOfferingExpired")
    offer = Offering("cb-1", "p4d.24xlarge", 2, "us-east-1a", START, END, 900.5, "USD")
    with pytest.raises(LlmstratError, match="CapacityBlockOfferingExpired"):
        buy(offer, load_spec(EXAMPLE), fake)


def test_a_spec_without_cluster_has_no_use_for_a_block() -> None:
    closed = EXAMPLE.parents[2] / "closed-api/one-provider.yaml"
    with pytest.raises(LlmstratError, match="has no cluster"):
        offerings(load_spec(closed), account())
