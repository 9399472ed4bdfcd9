"""Reserved capacity of EC2: reservations, capacity blocks on offer, and launches into both."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from compute_kit import IMAGE, Place, make_place
from sandbox_kit import Clients, clients

P4D = {"InstanceType": "p4d.24xlarge", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a"}
WANTED = {"InstanceType": "p5.48xlarge", "InstanceCount": 2, "CapacityDurationHours": 48}


@pytest.fixture(scope="module")
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def launch(place: Place, reservation: str | None, *, subnet: int = 0, **more: Any) -> str:
    """An instance in the reservation."""
    target = {"CapacityReservationTarget": {"CapacityReservationId": reservation}} if reservation else {}
    specification = {"CapacityReservationSpecification": target} if target else {}
    made = place.ec2.run_instances(
        ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=place.subnets[subnet],
        **{"InstanceType": "p4d.24xlarge", **specification, **more},
    )  # fmt: skip
    return str(made["Instances"][0]["InstanceId"])


def free(place: Place, reservation: str) -> int:
    [found] = place.ec2.describe_capacity_reservations(CapacityReservationIds=[reservation])["CapacityReservations"]
    return int(found["AvailableInstanceCount"])


def test_upstream_still_has_no_reservations(plain_emulator_url: str) -> None:
    with pytest.raises(ClientError, match="InvalidAction"):
        clients(plain_emulator_url)("ec2").create_capacity_reservation(**P4D, InstanceCount=1)


def test_launches_take_what_is_reserved_and_give_it_back(place: Place) -> None:
    made = place.ec2.create_capacity_reservation(**P4D, InstanceCount=1, InstanceMatchCriteria="targeted")
    reservation = made["CapacityReservation"]["CapacityReservationId"]
    with pytest.raises(ClientError, match="does not match the capacity reservation"):
        launch(place, reservation, subnet=1)
    with pytest.raises(ClientError, match="market type"):
        launch(place, reservation, InstanceMarketOptions={"MarketType": "capacity-block"})
    instance = launch(place, reservation)
    assert free(place, reservation) == 0
    with pytest.raises(ClientError, match="ReservationCapacityExceeded"):
        launch(place, reservation)
    place.ec2.terminate_instances(InstanceIds=[instance])
    assert free(place, reservation) == 1
    place.ec2.cancel_capacity_reservation(CapacityReservationId=reservation)
    with pytest.raises(ClientError, match="is cancelled"):
        launch(place, reservation)
    with pytest.raises(ClientError, match=r"InvalidCapacityReservationId\.NotFound"):
        launch(place, "cr-0123456789abcdef0")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"AvailabilityZone": "us-east-1c"}, "not supported in the Availability Zone"),
        ({"EndDateType": "limited"}, "EndDate must be given"),
        ({"InstanceType": "p99.large"}, "InvalidParameterValue"),
        ({"InstancePlatform": "BeOS"}, "enum"),
    ],
)
def test_what_ec2_refuses_is_refused(place: Place, change: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        place.ec2.create_capacity_reservation(**{**P4D, "InstanceCount": 1, **change})


def test_looking_at_offerings_buys_nothing(place: Place) -> None:
    before = len(place.ec2.describe_capacity_blocks()["CapacityBlocks"])
    offered = place.ec2.describe_capacity_block_offerings(**WANTED)["CapacityBlockOfferings"]
    assert {each["UpfrontFee"] for each in offered} == {"1920.00"}
    assert {each["CapacityBlockDurationHours"] for each in offered} == {48}
    with pytest.raises(ClientError, match="DryRunOperation"):
        place.ec2.purchase_capacity_block(
            CapacityBlockOfferingId=offered[0]["CapacityBlockOfferingId"], InstancePlatform="Linux/UNIX", DryRun=True
        )
    assert len(place.ec2.describe_capacity_blocks()["CapacityBlocks"]) == before


@pytest.mark.parametrize(
    ("change", "found"), [({"InstanceCount": 65}, 0), ({"InstanceType": "g6.xlarge"}, 0), ({"InstanceCount": 64}, 4)]
)
def test_not_everything_is_on_offer(place: Place, change: dict[str, Any], found: int) -> None:
    told = place.ec2.describe_capacity_block_offerings(**{**WANTED, **change})
    assert len(told["CapacityBlockOfferings"]) == found


def test_a_block_lasts_whole_days(place: Place) -> None:
    with pytest.raises(ClientError, match="isn't a duration"):
        place.ec2.describe_capacity_block_offerings(**{**WANTED, "CapacityDurationHours": 30})


def test_a_block_that_is_bought_is_used_by_its_own_market_type(place: Place) -> None:
    offered = place.ec2.describe_capacity_block_offerings(**WANTED)["CapacityBlockOfferings"]
    now, later = (
        place.ec2.purchase_capacity_block(
            CapacityBlockOfferingId=each["CapacityBlockOfferingId"], InstancePlatform="Linux/UNIX"
        )
        for each in offered[:2]
    )
    bought = now["CapacityReservation"]
    assert (bought["State"], bought["ReservationType"], bought["TotalInstanceCount"]) == ("active", "capacity-block", 2)
    assert later["CapacityBlocks"][0]["State"] == "scheduled"
    market = {"InstanceType": "p5.48xlarge", "InstanceMarketOptions": {"MarketType": "capacity-block"}}
    instance = launch(place, bought["CapacityReservationId"], **market)
    found = place.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert found["InstanceLifecycle"] == "capacity-block"
    with pytest.raises(ClientError, match="target is required"):
        launch(place, None, **market)
    with pytest.raises(ClientError, match="is scheduled"):
        launch(place, later["CapacityReservation"]["CapacityReservationId"], subnet=1, **market)
    with pytest.raises(ClientError, match="can't be changed or cancelled"):
        place.ec2.cancel_capacity_reservation(CapacityReservationId=bought["CapacityReservationId"])
    with pytest.raises(ClientError, match="does not exist"):
        place.ec2.purchase_capacity_block(
            CapacityBlockOfferingId=offered[0]["CapacityBlockOfferingId"], InstancePlatform="Linux/UNIX"
        )


def test_network_cards_are_those_of_the_catalogue(place: Place) -> None:
    names = ["p4d.24xlarge", "p5.48xlarge", "p6-b300.48xlarge", "g6.48xlarge"]
    told = place.ec2.describe_instance_types(InstanceTypes=names)["InstanceTypes"]
    layouts = {
        each["InstanceType"]: (
            len(each["NetworkInfo"]["NetworkCards"]), each["NetworkInfo"]["EfaInfo"]["MaximumEfaInterfaces"],
        )
        for each in told
    }  # fmt: skip
    assert layouts == {
        "p4d.24xlarge": (4, 4), "p5.48xlarge": (32, 32), "p6-b300.48xlarge": (17, 16), "g6.48xlarge": (1, 1),
    }  # fmt: skip
