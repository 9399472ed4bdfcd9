"""VPC endpoints with their groups, policies, private names and interfaces; upstream keeps subnets and tables only."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.compute.tags import set_tags, specified, tags_of
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
_FULL_ACCESS = '{"Version":"2008-10-17","Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}'


def create_endpoint(asked: Arguments) -> Mapping[str, Any]:
    """CreateVpcEndpoint, with groups, policy and private names."""
    vpc_id, service = asked["VpcId"], asked.get("ServiceName") or ""
    if vpc_id not in ec2._vpcs:
        raise ApiError("InvalidVpcId.NotFound", f"The Vpc Id {vpc_id} does not exist")
    kind = asked.get("VpcEndpointType") or "Gateway"
    _check_service(service, kind)
    endpoint_id = f"vpce-{secrets.token_hex(9)[:17]}"
    inside = kind != "Gateway"
    record: Record = {
        "VpcEndpointId": endpoint_id,
        "VpcEndpointType": kind,
        "VpcId": vpc_id,
        "ServiceName": service,
        "ServiceRegion": get_region(),
        "State": "available",
        "PolicyDocument": asked.get("PolicyDocument") or _FULL_ACCESS,
        "RouteTableIds": list(asked.get("RouteTableIds") or ()),
        "SubnetIds": [],
        "Groups": interfaces.security_groups(asked.get("SecurityGroupIds") or (), vpc_id) if inside else [],
        "IpAddressType": asked.get("IpAddressType") or "ipv4",
        "DnsOptions": {"DnsRecordIpType": "ipv4", **(asked.get("DnsOptions") or {})},
        "PrivateDnsEnabled": inside and asked.get("PrivateDnsEnabled") is not False,
        "RequesterManaged": False,
        "NetworkInterfaceIds": [],
        "DnsEntries": [{"DnsName": f"{endpoint_id}.{service}.vpce.amazonaws.com"}] if inside else [],
        "CreationTimestamp": ec2._now_ts(),
        "OwnerId": get_account_id(),
    }  # fmt: skip
    _join(record, asked.get("SubnetIds") or ())
    ec2._vpc_endpoints[endpoint_id] = record
    set_tags(endpoint_id, specified(asked.get("TagSpecifications"), "vpc-endpoint"))
    return {"VpcEndpoint": _shown_endpoint(record)}


def _check_service(service: str, kind: str) -> None:
    short = service.removeprefix(f"com.amazonaws.{get_region()}.")
    if short == service:
        raise ApiError("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")
    if kind == "Gateway" and short not in ec2._VPCE_GATEWAY_SERVICES:
        message = f"Endpoint type (Gateway) does not match available service types ([Interface]). ({service})"
        raise ApiError("InvalidParameter", message)


def _join(record: Record, subnet_ids: Sequence[str]) -> None:
    groups = [group["GroupId"] for group in record["Groups"]]
    for subnet_id in subnet_ids:
        made = interfaces.add(subnet_id, groups, description=f"VPC Endpoint Interface {record['VpcEndpointId']}")
        record["SubnetIds"].append(subnet_id)
        record["NetworkInterfaceIds"].append(made["NetworkInterfaceId"])


def _leave(record: Record, subnet_ids: Sequence[str]) -> None:
    held = dict(zip(record["SubnetIds"], record["NetworkInterfaceIds"], strict=True))
    interfaces.remove(held[each] for each in subnet_ids if each in held)
    kept = {subnet_id: made for subnet_id, made in held.items() if subnet_id not in subnet_ids}
    record["SubnetIds"], record["NetworkInterfaceIds"] = list(kept), list(kept.values())


def modify_endpoint(asked: Arguments) -> Mapping[str, Any]:
    """ModifyVpcEndpoint."""
    record = _endpoint(asked["VpcEndpointId"])
    gone = asked.get("RemoveRouteTableIds") or ()
    kept = [each for each in record["RouteTableIds"] if each not in gone]
    record["RouteTableIds"] = [*kept, *(asked.get("AddRouteTableIds") or ())]
    removed = asked.get("RemoveSecurityGroupIds") or ()
    wanted = [each["GroupId"] for each in record["Groups"] if each["GroupId"] not in removed]
    wanted += asked.get("AddSecurityGroupIds") or ()
    if wanted:
        record["Groups"] = interfaces.security_groups(wanted, record["VpcId"])
        for interface_id in record["NetworkInterfaceIds"]:
            ec2._network_interfaces[interface_id]["Groups"] = record["Groups"]
    _leave(record, asked.get("RemoveSubnetIds") or ())
    _join(record, asked.get("AddSubnetIds") or ())
    if asked.get("PrivateDnsEnabled") is not None:
        record["PrivateDnsEnabled"] = asked["PrivateDnsEnabled"]
    if asked.get("ResetPolicy"):
        record["PolicyDocument"] = _FULL_ACCESS
    record["PolicyDocument"] = asked.get("PolicyDocument") or record["PolicyDocument"]
    return {"Return": True}


def describe_endpoints(asked: Arguments) -> Mapping[str, Any]:
    """DescribeVpcEndpoints, with filters."""
    ids = asked.get("VpcEndpointIds") or ()
    records = [_endpoint(each) for each in ids] if ids else list(ec2._vpc_endpoints.values())
    kept = [
        each
        for each in records
        if matches(
            asked.get("Filters"),
            {
                "vpc-id": [each["VpcId"]], "service-name": [each["ServiceName"]],
                "vpc-endpoint-id": [each["VpcEndpointId"]], "vpc-endpoint-state": [each["State"]],
                "vpc-endpoint-type": [each["VpcEndpointType"]],
            },
            tags_of(each["VpcEndpointId"]),
        )
    ]  # fmt: skip
    return {"VpcEndpoints": [_shown_endpoint(each) for each in kept]}


def delete_endpoints(asked: Arguments) -> Mapping[str, Any]:
    """DeleteVpcEndpoints."""
    failed = []
    for endpoint_id in asked["VpcEndpointIds"]:
        record = ec2._vpc_endpoints.pop(endpoint_id, None)
        ec2._tags.pop(endpoint_id, None)
        if record is None:
            error = {
                "Code": "InvalidVpcEndpoint.NotFound",
                "Message": f"The VpcEndpoint Id '{endpoint_id}' does not exist",
            }
            failed.append({"ResourceId": endpoint_id, "Error": error})
        else:
            interfaces.remove(record["NetworkInterfaceIds"])
    return {"Unsuccessful": failed}


def _endpoint(endpoint_id: str) -> Record:
    found: Record | None = ec2._vpc_endpoints.get(endpoint_id)
    if found is None:
        raise ApiError("InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{endpoint_id}' does not exist")
    return found


def _shown_endpoint(record: Record) -> Record:
    return {**record, "Tags": tags_of(record["VpcEndpointId"])}
