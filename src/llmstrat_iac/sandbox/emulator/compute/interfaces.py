"""Network interfaces: what instances, load balancers, endpoints and gateways hold in a subnet."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.compute.tags import tags_of
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

# https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html: the first four addresses and the last are AWS's
_RESERVED = 4
Record = dict[str, Any]


def subnet(subnet_id: str) -> Record:
    """A subnet's record."""
    found: Record | None = ec2._subnets.get(subnet_id)
    if found is None:
        raise ApiError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    return found


def security_groups(group_ids: Iterable[str], vpc_id: str) -> list[Record]:
    """Groups of the VPC by their ids, as interfaces show them. Without any it's the VPC's default group."""
    ids = list(group_ids) or [
        each["GroupId"]
        for each in ec2._security_groups.values()
        if each["VpcId"] == vpc_id and each["GroupName"] == "default"
    ]
    shown = []
    for group_id in ids:
        group = ec2._security_groups.get(group_id)
        if group is None:
            raise ApiError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        if group["VpcId"] != vpc_id:
            message = f"Security group {group_id} and subnet belong to different networks."
            raise ApiError("InvalidParameter", message)
        shown.append({"GroupId": group_id, "GroupName": group["GroupName"]})
    return shown


def add(
    subnet_id: str,
    group_ids: Sequence[str],
    *,
    description: str,
    kind: str = "interface",
    address: str | None = None,
    attachment: Record | None = None,
) -> Record:
    """Put an interface into a subnet."""
    place = subnet(subnet_id)
    record: Record = {
        "NetworkInterfaceId": f"eni-{secrets.token_hex(9)[:17]}",
        "SubnetId": subnet_id,
        "VpcId": place["VpcId"],
        "AvailabilityZone": place["AvailabilityZone"],
        "Description": description,
        "OwnerId": get_account_id(),
        "Status": "in-use",
        "PrivateIpAddress": address or free_address(place),
        "InterfaceType": kind,
        "SourceDestCheck": True,
        "MacAddress": ":".join(f"{byte:02x}" for byte in b"\x02" + secrets.token_bytes(5)),
        "Groups": security_groups(group_ids, place["VpcId"]),
        "Attachment": attachment,
    }
    ec2._network_interfaces[record["NetworkInterfaceId"]] = record
    return record


def remove(interface_ids: Iterable[str]) -> None:
    """Take interfaces out of their subnets."""
    for interface_id in interface_ids:
        ec2._network_interfaces.pop(interface_id, None)


def free_address(place: Record) -> str:
    """The first address of a subnet that nothing has."""
    network = ipaddress.ip_network(place["CidrBlock"])
    taken = {
        each["PrivateIpAddress"] for each in ec2._network_interfaces.values() if each["SubnetId"] == place["SubnetId"]
    }
    for number in range(_RESERVED, network.num_addresses - 1):
        address = str(network[number])
        if address not in taken:
            return address
    message = f"subnet {place['SubnetId']} doesn't have enough free addresses"
    raise ApiError("InsufficientFreeAddressesInSubnet", message)


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeNetworkInterfaces."""
    ids = asked.get("NetworkInterfaceIds") or ()
    for interface_id in ids:
        if interface_id not in ec2._network_interfaces:
            message = f"The networkInterface ID '{interface_id}' does not exist"
            raise ApiError("InvalidNetworkInterfaceID.NotFound", message)
    records = [each for each in ec2._network_interfaces.values() if not ids or each["NetworkInterfaceId"] in ids]
    kept = [
        each for each in records if matches(asked.get("Filters"), _facts(each), tags_of(each["NetworkInterfaceId"]))
    ]
    return {"NetworkInterfaces": [_shown(each) for each in kept]}


def _facts(record: Record) -> dict[str, list[str | None]]:
    attachment = record.get("Attachment") or {}
    return {
        "network-interface-id": [record["NetworkInterfaceId"]],
        "subnet-id": [record["SubnetId"]],
        "vpc-id": [record["VpcId"]],
        "availability-zone": [record.get("AvailabilityZone")],
        "description": [record["Description"]],
        "status": [record["Status"]],
        "interface-type": [record.get("InterfaceType", "interface")],
        "group-id": [group["GroupId"] for group in record["Groups"]],
        "attachment.instance-id": [attachment.get("InstanceId")],
        "private-ip-address": [record["PrivateIpAddress"]],
    }


def _shown(record: Record) -> Record:
    address = {"Primary": True, "PrivateIpAddress": record["PrivateIpAddress"]}
    return {**record, "PrivateIpAddresses": [address], "TagSet": tags_of(record["NetworkInterfaceId"])}
