"""Capacity of EC2: reservations as resources, capacity blocks as lookups only.

A capacity block can't be bought here by a program: `CapacityBlockReservation` spends money that no destroy brings back,
so the sandbox doesn't serve it, and a program that registers one fails.
"""

from __future__ import annotations

from typing import Any, ClassVar

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.provider.registry import Call, Resource, function, resource
from llmstrat_iac.sandbox.provider.services.ec2_tagging import retag, specifications
from llmstrat_iac.sandbox.provider.services.shapes import answer, camel, changed, pascal, request, tag_map, timestamp
from llmstrat_iac.sandbox.provider.values import Props

_OVER = ("cancelled", "expired")
_FACTS = {
    "CapacityReservationArn": "arn", "AvailabilityZone": "availabilityZone", "AvailabilityZoneId": "availabilityZoneId",
    "AvailableInstanceCount": "availableInstanceCount", "CapacityBlockId": "capacityBlockId",
    "DeliveryPreference": "deliveryPreference", "EbsOptimized": "ebsOptimized", "EndDateType": "endDateType",
    "CapacityReservationId": "id", "TotalInstanceCount": "instanceCount",
    "InstanceMatchCriteria": "instanceMatchCriteria", "InstancePlatform": "instancePlatform",
    "InstanceType": "instanceType", "OutpostArn": "outpostArn", "OwnerId": "ownerId",
    "PlacementGroupArn": "placementGroupArn", "ReservationType": "reservationType", "State": "state",
    "Tenancy": "tenancy",
}  # fmt: skip


@resource("aws:ec2/capacityReservation:CapacityReservation")
class CapacityReservation(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "InstanceType": "instanceType", "InstancePlatform": "instancePlatform", "AvailabilityZone": "availabilityZone",
        "Tenancy": "tenancy", "EbsOptimized": "ebsOptimized", "EphemeralStorage": "ephemeralStorage",
        "EndDate": "endDate", "EndDateType": "endDateType", "InstanceMatchCriteria": "instanceMatchCriteria",
        "OutpostArn": "outpostArn", "PlacementGroupArn": "placementGroupArn",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        made = call.client("ec2").create_capacity_reservation(
            **request(args, self.NAMES),
            InstanceCount=args["instanceCount"],
            TagSpecifications=specifications(args, "capacity-reservation"),
        )
        return str(made["CapacityReservation"]["CapacityReservationId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("ec2").describe_capacity_reservations(CapacityReservationIds=[rid])["CapacityReservations"]
        if not found or found[0]["State"] in _OVER:
            return None
        return {
            **answer(found[0], self.NAMES),
            "arn": found[0]["CapacityReservationArn"],
            "endDate": timestamp(found[0].get("EndDate")),
            "instanceCount": found[0]["TotalInstanceCount"],
            "ownerId": found[0]["OwnerId"],
            "tagsAll": tag_map(found[0].get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        if changed(old, new, "instanceCount", "endDate", "endDateType"):
            call.client("ec2").modify_capacity_reservation(
                CapacityReservationId=rid,
                InstanceCount=new["instanceCount"],
                **request(new, {"EndDate": "endDate", "EndDateType": "endDateType"}),
            )
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").cancel_capacity_reservation(CapacityReservationId=rid)


@function("aws:ec2/getCapacityBlockReservation:getCapacityBlockReservation")
def get_capacity_block_reservation(call: Call, args: Props) -> Props:
    """One block that has been bought, by its id or by filters."""
    ids = {"CapacityReservationIds": [args["id"]]} if args.get("id") else {}
    filters = [pascal(each) for each in args.get("filters") or ()]
    filters.append({"Name": "reservation-type", "Values": ["capacity-block"]})
    client = call.client("ec2")
    found = client.describe_capacity_reservations(Filters=filters, **ids)["CapacityReservations"]
    if len(found) != 1:
        how = "no results" if not found else "more than one result"
        raise SandboxError(f"reading EC2 Capacity Block Reservation: your query returned {how}")
    return {**args, **_facts(call, found[0])}


def _facts(call: Call, found: Props) -> Props:
    dates = {"createdDate": "CreateDate", "endDate": "EndDate", "startDate": "StartDate"}
    return {
        **answer(found, _FACTS),
        **{prop: timestamp(found.get(api)) for prop, api in dates.items()},
        "commitmentInfo": camel(found.get("CommitmentInfo")),
        "interruptibleCapacityAllocation": camel(found.get("InterruptibleCapacityAllocation")),
        "interruptionInfo": camel(found.get("InterruptionInfo")),
        "region": call.region,
        "tags": tag_map(found.get("Tags")),
    }


@function("aws:ec2/getCapacityBlockOffering:getCapacityBlockOffering")
def get_capacity_block_offering(call: Call, args: Props) -> Props:
    """One block that could be bought; several are an error, as in the real provider."""
    asked: dict[str, Any] = request(args, {
        "CapacityDurationHours": "capacityDurationHours", "InstanceCount": "instanceCount",
        "InstanceType": "instanceType", "StartDateRange": "startDateRange", "EndDateRange": "endDateRange",
    })  # fmt: skip
    found = call.client("ec2").describe_capacity_block_offerings(**asked)["CapacityBlockOfferings"]
    if len(found) != 1:
        how = "no results" if not found else "more than one result"
        raise SandboxError(f"reading EC2 Capacity Block Offering: your query returned {how}")
    names = {
        "AvailabilityZone": "availabilityZone", "CapacityBlockOfferingId": "capacityBlockOfferingId",
        "CurrencyCode": "currencyCode", "Tenancy": "tenancy", "UpfrontFee": "upfrontFee",
    }  # fmt: skip
    return {**args, **answer(found[0], names), "region": call.region}
