"""Capacity blocks of EC2: what is on offer, at a made-up price, and what has been bought.

The first offering begins at once, so that a sandbox can use what it buys; the others on later days, as AWS's do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_region
from ministack.services import ec2

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.sandbox.emulator.compute import reservations
from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.compute.instance_types import offered
from llmstrat_iac.sandbox.emulator.compute.reservations import BLOCK, iso
from llmstrat_iac.sandbox.emulator.compute.tags import set_tags, specified, tags_of
from llmstrat_iac.sandbox.emulator.schedules.clock import CLOCK
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-blocks.html: up to 64 instances; 1 to 14 days in
# steps of one, then weeks up to 182 days; they end at 11:30 UTC.
_MOST_INSTANCES, _DAYS, _MOST_DAYS = 64, 14, 182
_FAMILIES = ("p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300")
_USD_PER_GPU_HOUR = 2.5
_STARTS = (0, 1, 3, 7)
_offerings = AccountRegionScopedDict()
_blocks = AccountRegionScopedDict()


def describe_offerings(asked: Arguments) -> Mapping[str, Any]:
    """DescribeCapacityBlockOfferings: nothing, where AWS would have nothing."""
    hours, name = int(asked["CapacityDurationHours"]), asked.get("InstanceType")
    days, rest = divmod(hours, 24)
    if rest or not 1 <= days <= _MOST_DAYS or (days > _DAYS and days % 7):
        raise ApiError("InvalidParameterValue", f"CapacityDurationHours {hours} isn't a duration of capacity blocks.")
    if not name or not asked.get("InstanceCount"):
        raise ApiError("MissingParameter", "The request must contain InstanceType and InstanceCount")
    count, instance = int(asked["InstanceCount"]), find_instance(name)
    if instance is None or instance.family not in _FAMILIES or count > _MOST_INSTANCES:
        return {"CapacityBlockOfferings": []}
    price = f"{_USD_PER_GPU_HOUR * instance.accelerators * count * hours:.2f}"
    found = [
        {
            "CapacityBlockOfferingId": _id(name, count, hours, zone, begin),
            "InstanceType": name,
            "AvailabilityZone": zone,
            "InstanceCount": count,
            "StartDate": begin,
            "EndDate": end,
            "CapacityBlockDurationHours": hours,
            "UpfrontFee": price,
            "CurrencyCode": "USD",
            "Tenancy": "default",
        }
        for zone, begin, end in _slots(name, days)
        if _within(asked, begin, end)
    ]
    for each in found:
        _offerings[each["CapacityBlockOfferingId"]] = each
    return {"CapacityBlockOfferings": found}


def _slots(name: str, days: int) -> Iterator[tuple[str, str, str]]:
    now = CLOCK.now()
    zones = [zone for letter in "abc" if offered(name, zone := f"{get_region()}{letter}")]
    morning = now.replace(hour=11, minute=30, second=0, microsecond=0)
    for number, later in enumerate(_STARTS):
        begin = now if not later else morning + timedelta(days=later)
        end = morning + timedelta(days=later + days)
        yield zones[number % len(zones)], iso(begin.timestamp()), iso(end.timestamp())


def _within(asked: Arguments, begin: str, end: str) -> bool:
    after, before = asked.get("StartDateRange"), asked.get("EndDateRange")
    return (not after or begin[:19] >= str(after)[:19]) and (not before or end[:19] <= str(before)[:19])


def _id(*facts: object) -> str:
    return f"cbr-0{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}"


def purchase(asked: Arguments) -> Mapping[str, Any]:
    """PurchaseCapacityBlock: an offering becomes a reservation, once."""
    offering = _offerings.get(asked["CapacityBlockOfferingId"])
    if offering is None:
        message = f"The capacity block offering ID '{asked['CapacityBlockOfferingId']}' does not exist"
        raise ApiError("InvalidCapacityBlockOfferingId.NotFound", message)
    if asked.get("DryRun"):
        message = "Request would have succeeded, but DryRun flag is set."
        raise ApiError("DryRunOperation", message, 412)
    del _offerings[offering["CapacityBlockOfferingId"]]
    block = f"cb-0{offering['CapacityBlockOfferingId'][5:]}"
    reservation = reservations.add({
        "InstanceType": offering["InstanceType"], "InstancePlatform": asked["InstancePlatform"],
        "AvailabilityZone": offering["AvailabilityZone"], "Tenancy": "default", "EbsOptimized": True,
        "EphemeralStorage": False, "StartDate": offering["StartDate"], "EndDate": offering["EndDate"],
        "EndDateType": "limited", "InstanceMatchCriteria": "targeted", "ReservationType": BLOCK,
        "TotalInstanceCount": offering["InstanceCount"], "CapacityBlockId": block,
    })  # fmt: skip
    set_tags(reservation["CapacityReservationId"], specified(asked.get("TagSpecifications"), "capacity-reservation"))
    set_tags(block, specified(asked.get("TagSpecifications"), "capacity-block"))
    _blocks[block] = {
        "CapacityBlockId": block,
        "AvailabilityZone": offering["AvailabilityZone"],
        "AvailabilityZoneId": ec2._az_id_for_zone_name(offering["AvailabilityZone"]),
        "CapacityReservationIds": [reservation["CapacityReservationId"]],
        "StartDate": offering["StartDate"],
        "EndDate": offering["EndDate"],
        "CreateDate": reservation["CreateDate"],
    }
    return {"CapacityReservation": reservations.shown(reservation), "CapacityBlocks": [_shown(_blocks[block])]}


def _shown(block: Record) -> Record:
    reservation = reservations.reservation(block["CapacityReservationIds"][0])
    return {**block, "State": reservations.state(reservation), "Tags": tags_of(block["CapacityBlockId"])}


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeCapacityBlocks: those that have been bought."""
    ids = asked.get("CapacityBlockIds") or ()
    for each in ids:
        if each not in _blocks:
            raise ApiError("InvalidCapacityBlockId.NotFound", f"The capacity block ID '{each}' does not exist")
    found = [_shown(each) for key, each in _blocks.items() if not ids or key in ids]
    facts = [(each, {"state": [each["State"]], "availability-zone": [each["AvailabilityZone"]]}) for each in found]
    return {"CapacityBlocks": [each for each, fact in facts if matches(asked.get("Filters"), fact, each["Tags"])]}
