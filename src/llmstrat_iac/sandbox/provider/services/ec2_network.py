"""VPCs, subnets, internet gateways, and the zones of a region."""

from __future__ import annotations

from typing import Any, ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, function, resource
from llmstrat_iac.sandbox.provider.services.ec2_tagging import arn_of, retag, specifications
from llmstrat_iac.sandbox.provider.services.shapes import changed, pascal, request, tag_map
from llmstrat_iac.sandbox.provider.values import Props

# Property to the attribute's name in ModifyVpcAttribute and DescribeVpcAttribute.
VPC_ATTRIBUTES = ("enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics")
# What ModifySubnetAttribute takes as `{"Value": …}`, one in a call.
SUBNET_ATTRIBUTES = {
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "enableDns64": "EnableDns64",
    "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecordOnLaunch",
    "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecordOnLaunch",
}


@resource("aws:ec2/vpc:Vpc")
class Vpc(Resource):
    def create(self, call: Call, args: Props) -> str:
        ec2 = call.client("ec2")
        options = request(args, {"CidrBlock": "cidrBlock", "InstanceTenancy": "instanceTenancy"})
        rid = str(ec2.create_vpc(**options, TagSpecifications=specifications(args, "vpc"))["Vpc"]["VpcId"])
        call.created_id = rid
        self._set(ec2, rid, {"enableDnsSupport": True}, args)
        return rid

    def _set(self, ec2: Any, rid: str, old: Props, new: Props) -> None:
        for name in VPC_ATTRIBUTES:
            if name in new and bool(old.get(name)) != bool(new[name]):
                ec2.modify_vpc_attribute(VpcId=rid, **{name[0].upper() + name[1:]: {"Value": bool(new[name])}})

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        ec2 = call.client("ec2")
        vpc = ec2.describe_vpcs(VpcIds=[rid])["Vpcs"][0]
        inside = [{"Name": "vpc-id", "Values": [rid]}]
        main = ec2.describe_route_tables(Filters=[*inside, {"Name": "association.main", "Values": ["true"]}])
        group = ec2.describe_security_groups(Filters=[*inside, {"Name": "group-name", "Values": ["default"]}])
        lists = ec2.describe_network_acls(Filters=[*inside, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]
        table = main["RouteTables"][0]["RouteTableId"]
        return {
            **{name: _attribute(ec2, rid, name) for name in VPC_ATTRIBUTES},
            "arn": arn_of(call, "vpc", rid),
            "cidrBlock": vpc["CidrBlock"],
            "instanceTenancy": vpc["InstanceTenancy"],
            "dhcpOptionsId": vpc["DhcpOptionsId"],
            "ownerId": vpc["OwnerId"],
            "mainRouteTableId": table,
            "defaultRouteTableId": table,
            "defaultSecurityGroupId": group["SecurityGroups"][0]["GroupId"],
            "defaultNetworkAclId": lists[0]["NetworkAclId"] if lists else "",
            "ipv6AssociationId": "",
            "tagsAll": tag_map(vpc.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self._set(call.client("ec2"), rid, old, new)
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").delete_vpc(VpcId=rid)


def _attribute(ec2: Any, rid: str, name: str) -> bool:
    member = name[0].upper() + name[1:]
    return bool(ec2.describe_vpc_attribute(VpcId=rid, Attribute=name)[member]["Value"])


@resource("aws:ec2/subnet:Subnet")
class Subnet(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "VpcId": "vpcId", "CidrBlock": "cidrBlock", "AvailabilityZone": "availabilityZone",
        "AvailabilityZoneId": "availabilityZoneId", "Ipv6CidrBlock": "ipv6CidrBlock",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        ec2 = call.client("ec2")
        made = ec2.create_subnet(**request(args, self.NAMES), TagSpecifications=specifications(args, "subnet"))
        rid = str(made["Subnet"]["SubnetId"])
        call.created_id = rid
        self._set(ec2, rid, {}, args)
        return rid

    def _set(self, ec2: Any, rid: str, old: Props, new: Props) -> None:
        for prop, member in SUBNET_ATTRIBUTES.items():
            if bool(old.get(prop)) != bool(new.get(prop)):
                ec2.modify_subnet_attribute(SubnetId=rid, **{member: {"Value": bool(new.get(prop))}})
        kind = new.get("privateDnsHostnameTypeOnLaunch")
        if kind and kind != old.get("privateDnsHostnameTypeOnLaunch"):
            ec2.modify_subnet_attribute(SubnetId=rid, PrivateDnsHostnameTypeOnLaunch=kind)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        subnet = call.client("ec2").describe_subnets(SubnetIds=[rid])["Subnets"][0]
        names = subnet.get("PrivateDnsNameOptionsOnLaunch") or {}
        return {
            "arn": subnet["SubnetArn"],
            "vpcId": subnet["VpcId"],
            "cidrBlock": subnet["CidrBlock"],
            "availabilityZone": subnet["AvailabilityZone"],
            "availabilityZoneId": subnet["AvailabilityZoneId"],
            "ownerId": subnet["OwnerId"],
            "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
            "assignIpv6AddressOnCreation": subnet["AssignIpv6AddressOnCreation"],
            "enableDns64": subnet.get("EnableDns64", False),
            "ipv6Native": subnet.get("Ipv6Native", False),
            "ipv6CidrBlockAssociationId": "",
            "privateDnsHostnameTypeOnLaunch": names.get("HostnameType", "ip-name"),
            "enableResourceNameDnsARecordOnLaunch": names.get("EnableResourceNameDnsARecord", False),
            "enableResourceNameDnsAaaaRecordOnLaunch": names.get("EnableResourceNameDnsAAAARecord", False),
            "tagsAll": tag_map(subnet.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        self._set(call.client("ec2"), rid, old, new)
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").delete_subnet(SubnetId=rid)


@resource("aws:ec2/internetGateway:InternetGateway")
class InternetGateway(Resource):
    def create(self, call: Call, args: Props) -> str:
        ec2 = call.client("ec2")
        made = ec2.create_internet_gateway(TagSpecifications=specifications(args, "internet-gateway"))
        rid = str(made["InternetGateway"]["InternetGatewayId"])
        call.created_id = rid
        if args.get("vpcId"):
            ec2.attach_internet_gateway(InternetGatewayId=rid, VpcId=args["vpcId"])
        return rid

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("ec2").describe_internet_gateways(InternetGatewayIds=[rid])["InternetGateways"][0]
        attached = [each["VpcId"] for each in found["Attachments"]]
        return {
            "arn": arn_of(call, "internet-gateway", rid),
            "ownerId": found["OwnerId"],
            "vpcId": attached[0] if attached else "",
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        ec2 = call.client("ec2")
        if "vpcId" in new and changed(old, new, "vpcId"):
            if old.get("vpcId"):
                ec2.detach_internet_gateway(InternetGatewayId=rid, VpcId=old["vpcId"])
            if new["vpcId"]:
                ec2.attach_internet_gateway(InternetGatewayId=rid, VpcId=new["vpcId"])
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        ec2 = call.client("ec2")
        if state.get("vpcId"):
            ec2.detach_internet_gateway(InternetGatewayId=rid, VpcId=state["vpcId"])
        ec2.delete_internet_gateway(InternetGatewayId=rid)


@function("aws:index/getAvailabilityZones:getAvailabilityZones")
def get_availability_zones(call: Call, args: Props) -> Props:
    """Zones sorted by name; local zones that aren't opted in don't exist here."""
    filters = [pascal(each) for each in args.get("filters") or ()]
    if args.get("state"):
        filters.append({"Name": "state", "Values": [args["state"]]})
    everything = bool(args.get("allAvailabilityZones"))
    found = call.client("ec2").describe_availability_zones(Filters=filters, AllAvailabilityZones=everything)
    names, ids = args.get("excludeNames") or (), args.get("excludeZoneIds") or ()
    zones = sorted(found["AvailabilityZones"], key=lambda zone: str(zone["ZoneName"]))
    kept = [zone for zone in zones if zone["ZoneName"] not in names and zone["ZoneId"] not in ids]
    return {
        **args,
        "id": call.region,
        "region": call.region,
        "names": [zone["ZoneName"] for zone in kept],
        "zoneIds": [zone["ZoneId"] for zone in kept],
        "groupNames": sorted({zone["GroupName"] for zone in kept}),
    }
