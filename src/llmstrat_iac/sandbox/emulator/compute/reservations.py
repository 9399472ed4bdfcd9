"""Capacity reservations of EC2: so many instances of a type in a zone, whether they run or not.

They go by the sandbox's calendar, which `llmstrat sandbox advance` moves.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.compute.instance_types import Size, offered, size_of
from llmstrat_iac.sandbox.emulator.compute.tags import set_tags, specified, tags_of
from llmstrat_iac.sandbox.emulator.schedules.clock import CLOCK
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
BLOCK = "capacity-block"
_reservations = AccountRegionScopedDict()
_KEPT = (
    "InstanceType", "InstancePlatform", "AvailabilityZone", "Tenancy", "EbsOptimized", "EphemeralStorage", "EndDate",
    "EndDateType", "InstanceMatchCriteria", "OutpostArn", "PlacementGroupArn",
)  # fmt: skip


def create(asked: Arguments) -> Mapping[str, Any]:
    """CreateCapacityReservation; it is active at once."""
    size, zone = size_of(asked["InstanceType"]), asked.get("AvailabilityZone")
    if not zone:
        raise ApiError("MissingParameter", "The request must contain the parameter AvailabilityZone")
    if not offered(size.name, zone):
        message = f"The requested instance type ({size.name}) is not supported in the Availability Zone ({zone})."
        raise ApiError("Unsupported", message)
    if int(asked["InstanceCount"]) < 1:
        raise ApiError("InvalidParameterValue", "InstanceCount must be greater than 0.")
    _check_end(asked)
    record = add({
        "Tenancy": "default", "EbsOptimized": False, "EphemeralStorage": False, "EndDateType": "unlimited",
        "InstanceMatchCriteria": "open", "ReservationType": "default",
        **{key: asked[key] for key in _KEPT if asked.get(key) is not None},
        "TotalInstanceCount": int(asked["InstanceCount"]),
    })  # fmt: skip
    set_tags(record["CapacityReservationId"], specified(asked.get("TagSpecifications"), "capacity-reservation"))
    return {"CapacityReservation": shown(record)}


def _check_end(asked: Arguments) -> None:
    limited = (asked.get("EndDateType") or "unlimited") == "limited"
    if limited != (asked.get("EndDate") is not None):
        raise ApiError("InvalidParameterCombination", "EndDate must be given with EndDateType limited, and only then.")


def add(facts: Record) -> Record:
    """Keep a new one."""
    reservation_id = f"cr-0{secrets.token_hex(8)}"
    now, owner = iso(CLOCK.now().timestamp()), get_account_id()
    record = {
        "CapacityReservationId": reservation_id,
        "CapacityReservationArn": f"arn:aws:ec2:{get_region()}:{owner}:capacity-reservation/{reservation_id}",
        "OwnerId": owner,
        "AvailabilityZoneId": ec2._az_id_for_zone_name(facts["AvailabilityZone"]),
        "CreateDate": now,
        "StartDate": now,
        "State": "active",
        **facts,
    }
    _reservations[reservation_id] = record
    return record


def reservation(reservation_id: str) -> Record:
    """One by its id."""
    found: Record | None = _reservations.get(reservation_id)
    if found is None:
        message = f"The capacity reservation ID '{reservation_id}' does not exist"
        raise ApiError("InvalidCapacityReservationId.NotFound", message)
    return found


def shown(record: Record) -> Record:
    """As EC2 tells of it: a block's state and all free instances are those of this moment."""
    free = record["TotalInstanceCount"] - used(record) if state(record) == "active" else 0
    return {
        **record,
        "State": state(record),
        "AvailableInstanceCount": max(0, free),
        "Tags": tags_of(record["CapacityReservationId"]),
    }


def state(record: Record) -> str:
    """`scheduled` before its start, `expired` after its end."""
    if record["State"] != "active":
        return str(record["State"])
    now = iso(CLOCK.now().timestamp())
    if now < record["StartDate"]:
        return "scheduled"
    return "expired" if record.get("EndDate") and now >= str(record["EndDate"]) else "active"


def used(record: Record) -> int:
    """Instances that run in it."""
    return sum(
        each["State"]["Name"] == "running" and target_of(each) == record["CapacityReservationId"]
        for each in ec2._instances.values()
    )


def target_of(launched: Mapping[str, Any]) -> str | None:
    """The reservation that a launch or an instance names."""
    specification = launched.get("CapacityReservationSpecification") or {}
    target = specification.get("CapacityReservationTarget") or {}
    found: str | None = target.get("CapacityReservationId")
    return found


def check_launch(merged: Arguments, size: Size, zone: str) -> None:
    """Refuse a launch into a reservation of something else, into a full one, and one into a block outside its time."""
    target = target_of(merged)
    wants_block = (merged.get("InstanceMarketOptions") or {}).get("MarketType") == BLOCK
    if target is None:
        if wants_block:
            message = "A capacity reservation target is required for market type capacity-block."
            raise ApiError("InvalidParameterCombination", message)
        return
    record = reservation(target)
    if wants_block != (record["ReservationType"] == BLOCK):
        message = f"The market type doesn't match the type of the capacity reservation {target}."
        raise ApiError("InvalidParameterCombination", message)
    if (size.name, zone) != (record["InstanceType"], record["AvailabilityZone"]):
        message = (
            f"The requested instance ({size.name} in {zone}) does not match the capacity reservation {target} "
            f"({record['InstanceType']} in {record['AvailabilityZone']})."
        )
        raise ApiError("InvalidParameterValue", message)
    now = shown(record)
    if now["State"] != "active":
        raise ApiError("InvalidState", f"The capacity reservation {target} is {now['State']}.")
    if not now["AvailableInstanceCount"]:
        message = f"The requested reservation {target} does not have sufficient compatible and available capacity."
        raise ApiError("ReservationCapacityExceeded", message)


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeCapacityReservations."""
    ids = asked.get("CapacityReservationIds") or ()
    records = [shown(reservation(each)) for each in ids] if ids else [shown(each) for each in _reservations.values()]
    return {"CapacityReservations": [e for e in records if matches(asked.get("Filters"), _facts(e), e["Tags"])]}


def _facts(record: Record) -> dict[str, list[str | None]]:
    return {
        "instance-type": [record["InstanceType"]],
        "owner-id": [record["OwnerId"]],
        "instance-platform": [record["InstancePlatform"]],
        "availability-zone": [record["AvailabilityZone"]],
        "tenancy": [record["Tenancy"]],
        "state": [record["State"]],
        "end-date-type": [record["EndDateType"]],
        "instance-match-criteria": [record["InstanceMatchCriteria"]],
        "reservation-type": [record["ReservationType"]],
    }


def modify(asked: Arguments) -> Mapping[str, Any]:
    """ModifyCapacityReservation."""
    record = _own(asked["CapacityReservationId"])
    if asked.get("EndDateType"):
        _check_end(asked)
        record["EndDateType"] = asked["EndDateType"]
        record.pop("EndDate", None)
    if asked.get("EndDate") is not None:
        record["EndDate"] = asked["EndDate"]
    if asked.get("InstanceCount") is not None:
        record["TotalInstanceCount"] = int(asked["InstanceCount"])
    return {"Return": True}


def cancel(asked: Arguments) -> Mapping[str, Any]:
    """CancelCapacityReservation; a block that is paid for can't be."""
    _own(asked["CapacityReservationId"])["State"] = "cancelled"
    return {"Return": True}


def _own(reservation_id: str) -> Record:
    record = reservation(reservation_id)
    if record["ReservationType"] == BLOCK:
        raise ApiError("OperationNotPermitted", "A capacity block can't be changed or cancelled.")
    if record["State"] != "active":
        message = f"The capacity reservation {reservation_id} is in state {record['State']}."
        raise ApiError("IncorrectState", message)
    return record


def iso(seconds: float) -> str:
    """A moment as EC2's XML has it; two of them compare as texts."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
