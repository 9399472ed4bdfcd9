"""NAT gateways, elastic addresses, and VPC endpoints."""

from __future__ import annotations

from typing import ClassVar

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.ec2_tagging import arn_of, retag, specifications
from llmstrat_iac.sandbox.provider.services.shapes import changed, document, request, tag_map
from llmstrat_iac.sandbox.provider.values import Props


@resource("aws:ec2/natGateway:NatGateway")
class NatGateway(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "SubnetId": "subnetId", "AllocationId": "allocationId", "ConnectivityType": "connectivityType",
        "PrivateIpAddress": "privateIp",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        made = call.client("ec2").create_nat_gateway(
            **request(args, self.NAMES), TagSpecifications=specifications(args, "natgateway")
        )
        return str(made["NatGateway"]["NatGatewayId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("ec2").describe_nat_gateways(NatGatewayIds=[rid])["NatGateways"]
        if not found or found[0]["State"] in ("deleted", "deleting"):
            return None
        gateway, address = found[0], found[0]["NatGatewayAddresses"][0]
        return {
            "subnetId": gateway["SubnetId"],
            "vpcId": gateway["VpcId"],
            "connectivityType": gateway["ConnectivityType"],
            "allocationId": address.get("AllocationId"),
            "associationId": address.get("AssociationId") or "",
            "networkInterfaceId": address["NetworkInterfaceId"],
            "privateIp": address["PrivateIp"],
            "publicIp": address.get("PublicIp") or "",
            "autoProvisionZones": "",
            "autoScalingIps": "",
            "regionalNatGatewayAddresses": [],
            "regionalNatGatewayAutoMode": "",
            "routeTableId": "",
            "tagsAll": tag_map(gateway.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").delete_nat_gateway(NatGatewayId=rid)


@resource("aws:ec2/eip:Eip")
class Eip(Resource):
    def create(self, call: Call, args: Props) -> str:
        ec2 = call.client("ec2")
        made = ec2.allocate_address(
            Domain=args.get("domain") or "vpc", TagSpecifications=specifications(args, "elastic-ip")
        )
        rid = str(made["AllocationId"])
        call.created_id = rid
        self._associate(call, rid, args)
        return rid

    def _associate(self, call: Call, rid: str, args: Props) -> None:
        options = request(args, {"InstanceId": "instance", "NetworkInterfaceId": "networkInterface"})
        if options:
            call.client("ec2").associate_address(AllocationId=rid, **options)

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("ec2").describe_addresses(AllocationIds=[rid])["Addresses"][0]
        public = found["PublicIp"]
        return {
            "allocationId": rid,
            "arn": arn_of(call, "elastic-ip", rid),
            "domain": found["Domain"],
            "publicIp": public,
            "publicDns": f"ec2-{public.replace('.', '-')}.compute-1.amazonaws.com",
            "privateIp": found.get("PrivateIpAddress") or "",
            "privateDns": "",
            "associationId": found.get("AssociationId") or "",
            "instance": found.get("InstanceId") or "",
            "networkInterface": found.get("NetworkInterfaceId") or "",
            "networkBorderGroup": found.get("NetworkBorderGroup") or call.region,
            "publicIpv4Pool": found.get("PublicIpv4Pool") or "amazon",
            "carrierIp": "",
            "customerOwnedIp": "",
            "ptrRecord": "",
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        ec2 = call.client("ec2")
        wanted = {key: new[key] for key in ("instance", "networkInterface") if key in new}
        if any((old.get(key) or "") != (value or "") for key, value in wanted.items()):
            if old.get("associationId"):
                ec2.disassociate_address(AssociationId=old["associationId"])
            self._associate(call, rid, new)
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        ec2 = call.client("ec2")
        if state.get("associationId") and state.get("instance"):
            ec2.disassociate_address(AssociationId=state["associationId"])
        ec2.release_address(AllocationId=rid)


@resource("aws:ec2/vpcEndpoint:VpcEndpoint")
class VpcEndpoint(Resource):
    NAMES: ClassVar[dict[str, str]] = {
        "VpcId": "vpcId", "ServiceName": "serviceName", "VpcEndpointType": "vpcEndpointType",
        "PolicyDocument": "policy", "RouteTableIds": "routeTableIds", "SubnetIds": "subnetIds",
        "SecurityGroupIds": "securityGroupIds", "PrivateDnsEnabled": "privateDnsEnabled",
        "IpAddressType": "ipAddressType",
    }  # fmt: skip
    MEMBERS: ClassVar[dict[str, str]] = {
        "RouteTableIds": "routeTableIds",
        "SubnetIds": "subnetIds",
        "SecurityGroupIds": "securityGroupIds",
    }

    def create(self, call: Call, args: Props) -> str:
        made = call.client("ec2").create_vpc_endpoint(
            **request(args, self.NAMES), TagSpecifications=specifications(args, "vpc-endpoint")
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        ec2 = call.client("ec2")
        found = ec2.describe_vpc_endpoints(VpcEndpointIds=[rid])["VpcEndpoints"][0]
        gateway = found["VpcEndpointType"] == "Gateway"
        lists = [{"Name": "prefix-list-name", "Values": [found["ServiceName"]]}]
        prefixes = ec2.describe_prefix_lists(Filters=lists)["PrefixLists"] if gateway else []
        names = [
            {"dnsName": each["DnsName"], "hostedZoneId": each.get("HostedZoneId", "")} for each in found["DnsEntries"]
        ]
        return {
            "arn": arn_of(call, "vpc-endpoint", rid),
            "vpcId": found["VpcId"],
            "serviceName": found["ServiceName"],
            "serviceRegion": found.get("ServiceRegion") or call.region,
            "vpcEndpointType": found["VpcEndpointType"],
            "policy": document(found["PolicyDocument"]),
            "routeTableIds": sorted(found["RouteTableIds"]),
            "subnetIds": sorted(found["SubnetIds"]),
            "securityGroupIds": sorted(each["GroupId"] for each in found["Groups"]),
            "privateDnsEnabled": found["PrivateDnsEnabled"],
            "ipAddressType": found["IpAddressType"],
            "networkInterfaceIds": found["NetworkInterfaceIds"],
            "dnsEntries": names,
            "prefixListId": prefixes[0]["PrefixListId"] if prefixes else "",
            "cidrBlocks": prefixes[0]["Cidrs"] if prefixes else [],
            "ownerId": found["OwnerId"],
            "requesterManaged": found["RequesterManaged"],
            "state": found["State"],
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        options: Props = {}
        for api, prop in self.MEMBERS.items():
            if prop in new:
                before, after = set(old.get(prop) or ()), set(new[prop] or ())
                options |= {f"Add{api}": sorted(after - before)} if after - before else {}
                options |= {f"Remove{api}": sorted(before - after)} if before - after else {}
        if "privateDnsEnabled" in new and changed(old, new, "privateDnsEnabled"):
            options["PrivateDnsEnabled"] = bool(new["privateDnsEnabled"])
        if "policy" in new and document(old.get("policy")) != document(new["policy"]):
            options |= {"PolicyDocument": new["policy"]} if new["policy"] else {"ResetPolicy": True}
        if options:
            call.client("ec2").modify_vpc_endpoint(VpcEndpointId=rid, **options)
        retag(call, rid, old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        call.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[rid])
