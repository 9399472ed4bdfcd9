"""Route tables, routes, and which subnet uses which table."""

from __future__ import annotations

import binascii
from typing import Any

from llmstrat_iac.sandbox.provider.faults import is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.ec2_tagging import arn_of, retag, specifications
from llmstrat_iac.sandbox.provider.services.shapes import request, tag_map
from llmstrat_iac.sandbox.provider.values import Props

DESTINATIONS = {
    "DestinationCidrBlock": "destinationCidrBlock", "DestinationIpv6CidrBlock": "destinationIpv6CidrBlock",
    "DestinationPrefixListId": "destinationPrefixListId",
}  # fmt: skip
TARGETS = {
    "GatewayId": "gatewayId", "NatGatewayId": "natGatewayId", "NetworkInterfaceId": "networkInterfaceId",
    "VpcPeeringConnectionId": "vpcPeeringConnectionId", "TransitGatewayId": "transitGatewayId",
    "VpcEndpointId": "vpcEndpointId", "EgressOnlyInternetGatewayId": "egressOnlyGatewayId",
    "LocalGatewayId": "localGatewayId", "CarrierGatewayId": "carrierGatewayId", "CoreNetworkArn": "coreNetworkArn",
}  # fmt: skip
# A table's own routes call their destinations otherwise.
INLINE = {
    "DestinationCidrBlock": "cidrBlock", "DestinationIpv6CidrBlock": "ipv6CidrBlock",
    "DestinationPrefixListId": "destinationPrefixListId",
}  # fmt: skip


@resource("aws:ec2/routeTable:RouteTable")
class RouteTable(Resource):
    def create(self, call: Call, args: Props) -> str:
        ec2 = call.client("ec2")
        made = ec2.create_route_table(VpcId=args["vpcId"], TagSpecifications=specifications(args, "route-table"))
        rid = str(made["RouteTable"]["RouteTableId"])
        call.created_id = rid
        for route in args.get("routes") or ():
            ec2.create_route(RouteTableId=rid, **request(route, {**INLINE, **TARGETS}))
        return rid

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        table = call.client("ec2").describe_route_tables(RouteTableIds=[rid])["RouteTables"]
        if not table:
            return None
        found = table[0]
        return {
            "arn": arn_of(call, "route-table", rid),
            "vpcId": found["VpcId"],
            "ownerId": found["OwnerId"],
            "propagatingVgws": [each["GatewayId"] for each in found.get("PropagatingVgws") or ()],
            "routes": [_inline(each) for each in found["Routes"] if _own(each)],
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        ec2 = call.client("ec2")
        if "routes" in new:
            before = {_destination(each): each for each in old.get("routes") or ()}
            after = {_destination(each): each for each in new["routes"] or ()}
            for destination in before.keys() - after.keys():
                ec2.delete_route(RouteTableId=rid, **request(before[destination], INLINE))
            for destination, route in after.items():
                options = request(route, {**INLINE, **TARGETS})
                if destination not in before:
                    ec2.create_route(RouteTableId=rid, **options)
                elif request(before[destination], TARGETS) != request(route, TARGETS):
                    ec2.replace_route(RouteTableId=rid, **options)
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        ec2 = call.client("ec2")
        for table in ec2.describe_route_tables(RouteTableIds=[rid])["RouteTables"]:
            for each in table["Associations"]:
                ec2.disassociate_route_table(AssociationId=each["RouteTableAssociationId"])
        ec2.delete_route_table(RouteTableId=rid)


def _own(route: Props) -> bool:
    """Whether a route is neither the table's local one nor a gateway endpoint's."""
    return route.get("GatewayId") != "local" and not str(route.get("GatewayId")).startswith("vpce-")


def _inline(route: Props) -> Props:
    return {prop: route[api] for api, prop in {**INLINE, **TARGETS}.items() if route.get(api)}


def _destination(route: Props) -> str:
    return str(next((route[prop] for prop in INLINE.values() if route.get(prop)), ""))


@resource("aws:ec2/route:Route")
class Route(Resource):
    def create(self, call: Call, args: Props) -> str:
        call.client("ec2").create_route(RouteTableId=args["routeTableId"], **request(args, {**DESTINATIONS, **TARGETS}))
        destination = next(str(args[prop]) for prop in DESTINATIONS.values() if args.get(prop))
        return f"r-{args['routeTableId']}{binascii.crc32(destination.encode())}"

    def identify(self, state: Props, rid: str) -> str:
        state["destinationCidrBlock"] = state.pop("destinationCidrBlock", "")
        return f"r-{state['routeTableId']}{binascii.crc32(state['destinationCidrBlock'].encode())}"

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        route = _find(call.client("ec2"), state)
        if route is None:
            return None
        found = {prop: route.get(api) for api, prop in {**DESTINATIONS, **TARGETS}.items()}
        return {
            **found,
            "routeTableId": state["routeTableId"],
            "instanceId": route.get("InstanceId") or "",
            "instanceOwnerId": route.get("InstanceOwnerId") or "",
            "origin": route["Origin"],
            "state": route["State"],
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        options = request(new, {**DESTINATIONS, **TARGETS})
        call.client("ec2").replace_route(RouteTableId=new["routeTableId"], **options)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").delete_route(RouteTableId=state["routeTableId"], **request(state, DESTINATIONS))


def _find(ec2: Any, state: Props) -> Props | None:
    tables = ec2.describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
    wanted = request(state, DESTINATIONS)
    for table in tables:
        for route in table["Routes"]:
            if {api: route.get(api) for api in wanted} == wanted:
                return dict(route)
    return None


@resource("aws:ec2/routeTableAssociation:RouteTableAssociation")
class RouteTableAssociation(Resource):
    def create(self, call: Call, args: Props) -> str:
        options = request(args, {"RouteTableId": "routeTableId", "SubnetId": "subnetId", "GatewayId": "gatewayId"})
        return str(call.client("ec2").associate_route_table(**options)["AssociationId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = _association(call.client("ec2"), state)
        if found is None:
            return None
        names = {"subnetId": "SubnetId", "gatewayId": "GatewayId", "routeTableId": "RouteTableId"}
        return {prop: found.get(api) for prop, api in names.items()}

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        ec2 = call.client("ec2")
        found = _association(ec2, old)
        if found is not None:
            ec2.replace_route_table_association(
                AssociationId=found["RouteTableAssociationId"], RouteTableId=new["routeTableId"]
            )

    def delete(self, call: Call, rid: str, state: Props) -> None:
        ec2 = call.client("ec2")
        found = _association(ec2, state)
        if found is not None:
            ec2.disassociate_route_table(AssociationId=found["RouteTableAssociationId"])


def _association(ec2: Any, state: Props) -> Props | None:
    """By what is associated: EC2 gives an association another id whenever its table changes."""
    try:
        tables = ec2.describe_route_tables()["RouteTables"]
    except Exception as error:
        if is_not_found(error):
            return None
        raise
    wanted = request(state, {"SubnetId": "subnetId", "GatewayId": "gatewayId"})
    for table in tables:
        for each in table["Associations"]:
            if wanted and {api: each.get(api) for api in wanted} == wanted:
                return {**each, "RouteTableId": table["RouteTableId"]}
    return None
