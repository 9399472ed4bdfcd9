"""VPCs as AWS keeps them: ranges are checked, routes keep all they are given, and nothing goes that is in use."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ministack.services import alb, ec2

from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, PassOnError

Record = dict[str, Any]
_TARGETS = (
    "GatewayId", "NatGatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId", "TransitGatewayId", "VpcEndpointId",
    "EgressOnlyInternetGatewayId", "InstanceId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn",
)  # fmt: skip
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def create_subnet(asked: Arguments) -> Mapping[str, Any]:
    """Refuse a range outside of the VPC's or one that overlaps; upstream makes the rest."""
    vpc = ec2._vpcs.get(asked["VpcId"])
    if vpc is None:
        raise ApiError("InvalidVpcID.NotFound", f"The vpc ID '{asked['VpcId']}' does not exist")
    block = asked.get("CidrBlock") or ""
    try:
        network = ipaddress.ip_network(block)
    except ValueError:
        message = f"Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        raise ApiError("InvalidParameterValue", message) from None
    if not network.subnet_of(ipaddress.ip_network(vpc["CidrBlock"])) or not 16 <= network.prefixlen <= 28:  # type: ignore[arg-type]
        raise ApiError("InvalidSubnet.Range", f"The CIDR '{block}' is invalid.")
    for each in ec2._subnets.values():
        if each["VpcId"] == vpc["VpcId"] and network.overlaps(ipaddress.ip_network(each["CidrBlock"])):
            raise ApiError("InvalidSubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")
    raise PassOnError


def delete_subnet(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while anything has an interface in it."""
    subnet_id = asked["SubnetId"]
    held = any(each["SubnetId"] == subnet_id for each in ec2._network_interfaces.values())
    if held or any(subnet_id in each["Subnets"] for each in alb._lbs.values()):
        raise ApiError("DependencyViolation", f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    for table in ec2._route_tables.values():
        table["Associations"] = [each for each in table["Associations"] if each.get("SubnetId") != subnet_id]
    raise PassOnError


def delete_security_group(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while an interface has it or another group's rule names it."""
    group_id = asked.get("GroupId") or ""
    held = any(
        group["GroupId"] == group_id for each in ec2._network_interfaces.values() for group in each.get("Groups") or ()
    )
    named = any(
        pair.get("GroupId") == group_id
        for other in ec2._security_groups.values()
        if other["GroupId"] != group_id
        for rule in (*other["IpPermissions"], *other["IpPermissionsEgress"])
        for pair in rule.get("UserIdGroupPairs") or ()
    )
    if held or named or any(group_id in each["SecurityGroups"] for each in alb._lbs.values()):
        raise ApiError("DependencyViolation", f"resource {group_id} has a dependent object")
    raise PassOnError


def delete_vpc(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while it has endpoints, gateways or route tables of its own; upstream looks for the rest."""
    vpc_id = asked["VpcId"]
    tables = [each for each in ec2._route_tables.values() if each["VpcId"] == vpc_id]
    own_tables = [each for each in tables if not any(one.get("Main") for one in each["Associations"])]
    gateways = [each for each in ec2._nat_gateways.values() if each["VpcId"] == vpc_id and each["State"] != "deleted"]
    endpoints = [each for each in ec2._vpc_endpoints.values() if each["VpcId"] == vpc_id]
    if own_tables or gateways or endpoints:
        raise ApiError("DependencyViolation", f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    raise PassOnError


def detach_internet_gateway(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while something in the VPC has a public address through it."""
    vpc_id = asked["VpcId"]
    if any(
        each["VpcId"] == vpc_id and each["State"] == "available" and each.get("AllocationId")
        for each in ec2._nat_gateways.values()
    ):
        message = f"Network {vpc_id} has some mapped public address(es): unmap them before detaching the gateway."
        raise ApiError("DependencyViolation", message)
    raise PassOnError


def delete_internet_gateway(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while it is attached."""
    gateway = ec2._internet_gateways.get(asked["InternetGatewayId"]) or {}
    if gateway.get("Attachments"):
        message = f"The internetGateway '{asked['InternetGatewayId']}' has dependencies and cannot be deleted."
        raise ApiError("DependencyViolation", message)
    raise PassOnError


def delete_route_table(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while a subnet uses it."""
    table = ec2._route_tables.get(asked["RouteTableId"]) or {}
    if table.get("Associations"):
        message = f"The routeTable '{asked['RouteTableId']}' has dependencies and cannot be deleted."
        raise ApiError("DependencyViolation", message)
    for endpoint in ec2._vpc_endpoints.values():
        endpoint["RouteTableIds"] = [each for each in endpoint["RouteTableIds"] if each != asked["RouteTableId"]]
    raise PassOnError


def associate_route_table(asked: Arguments) -> Mapping[str, Any]:
    """Refuse a second table for a subnet."""
    subnet_id = asked.get("SubnetId")
    for table in ec2._route_tables.values():
        for each in table["Associations"]:
            if subnet_id and each.get("SubnetId") == subnet_id:
                message = f"the association for route table {asked['RouteTableId']} conflicts with an existing one"
                raise ApiError("Resource.AlreadyAssociated", message)
    raise PassOnError


def create_route(asked: Arguments) -> Mapping[str, Any]:
    """CreateRoute, to any kind of target."""
    table, route = _table(asked["RouteTableId"]), _route(asked)
    if _same_destination(table, route) is not None:
        message = f"The route identified by {_destination(route)} already exists."
        raise ApiError("RouteAlreadyExists", message)
    table["Routes"].append(route)
    return {"Return": True}


def replace_route(asked: Arguments) -> Mapping[str, Any]:
    """ReplaceRoute."""
    table, route = _table(asked["RouteTableId"]), _route(asked)
    table["Routes"][_existing(table, route)] = route
    return {}


def delete_route(asked: Arguments) -> Mapping[str, Any]:
    """DeleteRoute."""
    table = _table(asked["RouteTableId"])
    del table["Routes"][_existing(table, {key: asked.get(key) for key in _DESTINATIONS})]
    return {}


def _table(table_id: str) -> Record:
    found: Record | None = ec2._route_tables.get(table_id)
    if found is None:
        raise ApiError("InvalidRouteTableID.NotFound", f"The routeTable ID '{table_id}' does not exist")
    return found


def _route(asked: Arguments) -> Record:
    targets = {key: asked[key] for key in _TARGETS if asked.get(key)}
    if len(targets) != 1:
        raise ApiError("InvalidParameterCombination", "The request must contain exactly one target.")
    destination = {key: asked[key] for key in _DESTINATIONS if asked.get(key)}
    return {**destination, **targets, "State": "active", "Origin": "CreateRoute"}


def _destination(route: Mapping[str, Any]) -> str:
    return next((str(route[key]) for key in _DESTINATIONS if route.get(key)), "")


def _same_destination(table: Record, route: Mapping[str, Any]) -> int | None:
    wanted = _destination(route)
    return next((index for index, each in enumerate(table["Routes"]) if _destination(each) == wanted), None)


def _existing(table: Record, route: Mapping[str, Any]) -> int:
    index = _same_destination(table, route)
    if index is None:
        message = f"no route with destination-cidr-block {_destination(route)} in route table {table['RouteTableId']}"
        raise ApiError("InvalidRoute.NotFound", message)
    return index


def delete_placement_group(asked: Arguments) -> Mapping[str, Any]:
    """Refuse while an instance is in it."""
    name = asked["GroupName"]
    used = any(
        each["Placement"].get("GroupName") == name and each["State"]["Name"] != "terminated"
        for each in ec2._instances.values()
    )
    if used:
        message = f"The placement group {name} is in use and may not be deleted."
        raise ApiError("InvalidPlacementGroup.InUse", message)
    raise PassOnError
