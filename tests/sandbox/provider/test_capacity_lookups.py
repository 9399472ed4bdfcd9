"""Capacity blocks on the real engine: they can be looked up, and a program can't buy one."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from provider_kit import QUIET, Bench
from sandbox_kit import Clients

pytestmark = QUIET
WANTED = {"InstanceType": "p5.48xlarge", "InstanceCount": 2, "CapacityDurationHours": 24}


def offerings(aws: Clients) -> list[dict[str, Any]]:
    return list(aws("ec2").describe_capacity_block_offerings(**WANTED)["CapacityBlockOfferings"])


def test_a_block_that_was_bought_tells_its_zone(bench: Bench, aws: Clients) -> None:
    offering = offerings(aws)[0]
    bought = aws("ec2").purchase_capacity_block(
        CapacityBlockOfferingId=offering["CapacityBlockOfferingId"], InstancePlatform="Linux/UNIX"
    )["CapacityReservation"]

    def program() -> None:
        import pulumi_aws as aws

        found = aws.ec2.get_capacity_block_reservation_output(id=bought["CapacityReservationId"])
        pulumi.export("zone", found.availability_zone)
        pulumi.export("count", found.instance_count)

    told = bench.stack().up(program).outputs
    assert (told["zone"], told["count"]) == (offering["AvailabilityZone"], 2)


def test_an_offering_is_found_if_it_is_the_only_one(bench: Bench, aws: Clients) -> None:
    last = offerings(aws)[-1]

    def program(start: str) -> Any:
        def run() -> None:
            import pulumi_aws as aws

            found = aws.ec2.get_capacity_block_offering_output(
                instance_type="p5.48xlarge", instance_count=2, capacity_duration_hours=24, start_date_range=start
            )
            pulumi.export("fee", found.upfront_fee)

        return run

    assert bench.stack().up(program(last["StartDate"].isoformat())).outputs["fee"] == "960.00"
    with pytest.raises(Exception, match="more than one result"):
        bench.stack("many").up(program("2020-01-01T00:00:00Z"))


def test_a_program_cant_buy_one(bench: Bench, aws: Clients) -> None:
    before = len(aws("ec2").describe_capacity_blocks()["CapacityBlocks"])
    offering = offerings(aws)[0]["CapacityBlockOfferingId"]

    def program() -> None:
        import pulumi_aws as aws

        aws.ec2.CapacityBlockReservation("block", capacity_block_offering_id=offering, instance_platform="Linux/UNIX")

    with pytest.raises(Exception, match="doesn't serve aws:ec2/capacityBlockReservation"):
        bench.stack().up(program)
    assert len(aws("ec2").describe_capacity_blocks()["CapacityBlocks"]) == before
