"""NAT gateways and elastic addresses, and which holds which."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_region
from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.compute.tags import set_tags, specified, tags_of
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, PassOnError

Record = dict[str, Any]


def create_nat_gateway(asked: Arguments) -> Mapping[str, Any]:
    """CreateNatGateway, with its interface and its address."""
    kind, allocation_id = asked.get("ConnectivityType") or "public", asked.get("AllocationId")
    if (kind == "public") != bool(allocation_id):
        raise ApiError(
            "InvalidParameterCombination", "A public NAT gateway needs an allocation ID, a private one takes none."
        )
    address = ec2._addresses.get(allocation_id) if allocation_id else {}
    if address is None:
        message = f"The elastic-ip ID '{allocation_id}' does not exist"
        raise ApiError("InvalidAllocationID.NotFound", message)
    if address.get("AssociationId"):
        raise ApiError("Resource.AlreadyAssociated", f"Elastic IP address [{allocation_id}] is already associated")
    gateway_id = f"nat-{secrets.token_hex(9)[:17]}"
    made = interfaces.add(
        asked["SubnetId"], (), description=f"Interface for NAT Gateway {gateway_id}", kind="nat_gateway",
        address=asked.get("PrivateIpAddress"),
    )  # fmt: skip
    made["Groups"] = []
    association = f"eipassoc-{secrets.token_hex(9)[:17]}" if allocation_id else None
    address |= {"AssociationId": association, "NetworkInterfaceId": made["NetworkInterfaceId"]} if allocation_id else {}
    record = {
        "NatGatewayId": gateway_id,
        "SubnetId": asked["SubnetId"],
        "VpcId": made["VpcId"],
        "AllocationId": allocation_id,
        "ConnectivityType": kind,
        "State": "available",
        "CreateTime": ec2._now_ts(),
        "NatGatewayAddresses": [
            {
                "AllocationId": allocation_id, "NetworkInterfaceId": made["NetworkInterfaceId"],
                "PrivateIp": made["PrivateIpAddress"], "PublicIp": address.get("PublicIp"),
                "AssociationId": association, "IsPrimary": True, "Status": "succeeded",
            }
        ],
    }  # fmt: skip
    ec2._nat_gateways[gateway_id] = record
    set_tags(gateway_id, specified(asked.get("TagSpecifications"), "natgateway"))
    return {"NatGateway": _shown_gateway(record)}


def describe_nat_gateways(asked: Arguments) -> Mapping[str, Any]:
    """DescribeNatGateways."""
    ids = asked.get("NatGatewayIds") or ()
    for gateway_id in ids:
        if gateway_id not in ec2._nat_gateways:
            raise ApiError("NatGatewayNotFound", f"The Nat Gateway {gateway_id} was not found")
    records = [each for each in ec2._nat_gateways.values() if not ids or each["NatGatewayId"] in ids]
    kept = [
        each
        for each in records
        if matches(
            asked.get("Filter"),
            {
                "vpc-id": [each["VpcId"]],
                "subnet-id": [each["SubnetId"]],
                "state": [each["State"]],
                "nat-gateway-id": [each["NatGatewayId"]],
            },
            tags_of(each["NatGatewayId"]),
        )
    ]
    return {"NatGateways": [_shown_gateway(each) for each in kept]}


def delete_nat_gateway(asked: Arguments) -> Mapping[str, Any]:
    """DeleteNatGateway; its address is free again."""
    record = ec2._nat_gateways.get(asked["NatGatewayId"])
    if record is None:
        raise ApiError("NatGatewayNotFound", f"The Nat Gateway {asked['NatGatewayId']} was not found")
    record["State"] = "deleted"
    interfaces.remove(each["NetworkInterfaceId"] for each in record["NatGatewayAddresses"])
    address = ec2._addresses.get(record.get("AllocationId"))
    if address is not None:
        address.update(AssociationId=None, NetworkInterfaceId=None)
    return {"NatGatewayId": record["NatGatewayId"]}


def _shown_gateway(record: Record) -> Record:
    return {**record, "Tags": tags_of(record["NatGatewayId"])}


def describe_addresses(asked: Arguments) -> Mapping[str, Any]:
    """DescribeAddresses, with filters and interfaces."""
    ids, ips = asked.get("AllocationIds") or (), asked.get("PublicIps") or ()
    for allocation_id in ids:
        if allocation_id not in ec2._addresses:
            message = f"The allocation ID '{allocation_id}' does not exist"
            raise ApiError("InvalidAllocationID.NotFound", message)
    records = [
        each
        for each in ec2._addresses.values()
        if (not ids or each["AllocationId"] in ids) and (not ips or each["PublicIp"] in ips)
    ]
    kept = [
        each
        for each in records
        if matches(
            asked.get("Filters"),
            {
                "allocation-id": [each["AllocationId"]], "association-id": [each["AssociationId"]],
                "public-ip": [each["PublicIp"]], "domain": [each["Domain"]], "instance-id": [each["InstanceId"]],
                "network-interface-id": [each["NetworkInterfaceId"]],
            },
            tags_of(each["AllocationId"]),
        )
    ]  # fmt: skip
    group = {"NetworkBorderGroup": get_region(), "PublicIpv4Pool": "amazon"}
    return {"Addresses": [{**each, **group, "Tags": tags_of(each["AllocationId"])} for each in kept]}


def release_address(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while something has it."""
    address = ec2._addresses.get(asked.get("AllocationId")) or {}
    if address.get("AssociationId"):
        raise ApiError("InvalidIPAddress.InUse", f"Address {address['PublicIp']} is in use.")
    raise PassOnError
