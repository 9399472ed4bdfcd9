"""Rows of EC2's networks. The `home` ones don't change: others live in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aws_case import Case, Cloud, Inputs, Made

Exists = Callable[[Cloud, Inputs], object]
_POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}],
})  # fmt: skip


def by_filter(operation: str, member: str, name: str, *, key: str = "Filters", **more: list[str]) -> Exists:
    """EC2's word on an id, by a filter that finds nothing if it's gone."""

    def exists(aws: Cloud, out: Inputs) -> object:
        filters = [{"Name": name, "Values": [out["id"]]}]
        filters += [{"Name": each.replace("_", "-"), "Values": values} for each, values in more.items()]
        return getattr(aws("ec2"), operation)(**{key: filters})[member]

    return exists


def rule_exists(aws: Cloud, out: Inputs) -> object:
    """Whether a security group's rule is there."""
    filters = [{"Name": "security-group-rule-id", "Values": [out["id"]]}]
    return aws("ec2").describe_security_group_rules(Filters=filters)["SecurityGroupRules"]


def _routes(aws: Cloud, out: Inputs) -> list[str]:
    filters = [{"Name": "vpc-id", "Values": [out["vpcId"]]}] if "vpcId" in out else []
    tables = aws("ec2").describe_route_tables(Filters=filters)["RouteTables"]
    return [
        str(route.get("DestinationCidrBlock"))
        for table in tables
        if table["RouteTableId"] == out["routeTableId"]
        for route in table["Routes"]
    ]


def _associated(aws: Cloud, out: Inputs) -> object:
    filters = [{"Name": "association.subnet-id", "Values": [out["subnetId"]]}]
    return aws("ec2").describe_route_tables(Filters=filters)["RouteTables"]


_VPC = by_filter("describe_vpcs", "Vpcs", "vpc-id")


def _subnet_exists(aws: Cloud, out: Inputs) -> object:
    return [each for each in aws("ec2").describe_subnets()["Subnets"] if each["SubnetId"] == out["id"]]


def _table_exists(aws: Cloud, out: Inputs) -> object:
    return [each for each in aws("ec2").describe_route_tables()["RouteTables"] if each["RouteTableId"] == out["id"]]


def _group_exists(aws: Cloud, out: Inputs) -> object:
    return [each for each in aws("ec2").describe_security_groups()["SecurityGroups"] if each["GroupId"] == out["id"]]


def _home_subnet(name: str, cidr: str, zone: str) -> Case:
    return Case(
        name, "aws:ec2/subnet:Subnet",
        lambda m: {"vpc_id": m["home-vpc"].id, "cidr_block": cidr, "availability_zone": zone},
        None, None, _subnet_exists,
    )  # fmt: skip


def _home_group(name: str) -> Case:
    inputs: Callable[[Made], dict[str, Any]] = lambda m: {"vpc_id": m["home-vpc"].id}  # noqa: E731
    return Case(name, "aws:ec2/securityGroup:SecurityGroup", inputs, None, None, _group_exists)


def _home_table(name: str) -> Case:
    inputs: Callable[[Made], dict[str, Any]] = lambda m: {"vpc_id": m["home-vpc"].id}  # noqa: E731
    return Case(name, "aws:ec2/routeTable:RouteTable", inputs, None, None, _table_exists)


HOMES = (
    Case("home-vpc", "aws:ec2/vpc:Vpc", lambda m: {"cidr_block": "10.1.0.0/16"}, None, None, _VPC),
    Case("spare-vpc", "aws:ec2/vpc:Vpc", lambda m: {"cidr_block": "10.8.0.0/16"}, None, None, _VPC),
    _home_subnet("home-subnet", "10.1.16.0/20", "us-east-1a"),
    _home_subnet("home-subnet-b", "10.1.32.0/20", "us-east-1b"),
    _home_group("home-group"),
    _home_group("home-group-b"),
    _home_table("home-table"),
    _home_table("home-table-b"),
    Case(
        "home-address", "aws:ec2/eip:Eip", lambda m: {"domain": "vpc"}, None, None,
        by_filter("describe_addresses", "Addresses", "allocation-id"),
    ),
)  # fmt: skip
NETWORK = (
    *HOMES,
    Case(
        "vpc", "aws:ec2/vpc:Vpc",
        lambda m: {"cidr_block": "10.2.0.0/16", "enable_dns_support": True, "tags": {"team": "a"}},
        lambda m: {"enable_dns_hostnames": True, "tags": {"team": "b", "more": "1"}},
        lambda m: {"cidr_block": "10.3.0.0/16"},
        _VPC,
    ),
    Case(
        "subnet", "aws:ec2/subnet:Subnet",
        lambda m: {"vpc_id": m["home-vpc"].id, "cidr_block": "10.1.1.0/24", "availability_zone": "us-east-1c"},
        lambda m: {"map_public_ip_on_launch": True, "tags": {"team": "b"}},
        lambda m: {"cidr_block": "10.1.2.0/24"},
        _subnet_exists,
    ),
    Case(
        "internet-gateway", "aws:ec2/internetGateway:InternetGateway",
        lambda m: {"vpc_id": m["home-vpc"].id, "tags": {"team": "a"}},
        lambda m: {"vpc_id": m["spare-vpc"].id, "tags": {"team": "b"}},
        None,
        by_filter("describe_internet_gateways", "InternetGateways", "internet-gateway-id"),
    ),
    Case(
        "address", "aws:ec2/eip:Eip",
        lambda m: {"domain": "vpc", "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        None,
        by_filter("describe_addresses", "Addresses", "allocation-id"),
    ),
    Case(
        "nat", "aws:ec2/natGateway:NatGateway",
        lambda m: {"subnet_id": m["home-subnet"].id, "connectivity_type": "private", "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"connectivity_type": "public", "allocation_id": m["home-address"].id},
        by_filter("describe_nat_gateways", "NatGateways", "nat-gateway-id", key="Filter", state=["available"]),
    ),
    Case(
        "route-table", "aws:ec2/routeTable:RouteTable",
        lambda m: {
            "vpc_id": m["home-vpc"].id,
            "routes": [{"cidr_block": "10.9.0.0/16", "nat_gateway_id": m["nat"].id}], "tags": {"team": "a"},
        },
        lambda m: {
            "routes": [
                {"cidr_block": "10.6.0.0/16", "nat_gateway_id": m["nat"].id},
                {"cidr_block": "10.9.0.0/16", "gateway_id": m["internet-gateway"].id},
            ],
            "tags": {"team": "b"},
        },
        lambda m: {"vpc_id": m["spare-vpc"].id},
        _table_exists,
    ),
    Case(
        "route", "aws:ec2/route:Route",
        lambda m: {
            "route_table_id": m["home-table"].id, "destination_cidr_block": "0.0.0.0/0", "nat_gateway_id": m["nat"].id,
        },
        lambda m: {"nat_gateway_id": None, "gateway_id": m["internet-gateway"].id},
        lambda m: {"destination_cidr_block": "10.7.0.0/16"},
        lambda aws, out: out["destinationCidrBlock"] in _routes(aws, out),
    ),
    Case(
        "association", "aws:ec2/routeTableAssociation:RouteTableAssociation",
        lambda m: {"subnet_id": m["home-subnet"].id, "route_table_id": m["home-table"].id},
        lambda m: {"route_table_id": m["home-table-b"].id},
        lambda m: {"subnet_id": m["home-subnet-b"].id},
        _associated,
    ),
    Case(
        "security-group", "aws:ec2/securityGroup:SecurityGroup",
        lambda m: {
            "vpc_id": m["home-vpc"].id, "tags": {"team": "a"},
            "egress": [{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["10.0.0.0/8"]}],
        },
        lambda m: {
            "ingress": [
                {
                    "protocol": "tcp", "from_port": 80, "to_port": 81, "security_groups": [m["home-group"].id],
                    "self": True, "description": "web",
                }
            ],
            "egress": [], "tags": {"team": "b"},
        },
        lambda m: {"description": "can't be changed"},
        _group_exists,
    ),
    Case(
        "ingress", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        lambda m: {
            "security_group_id": m["home-group"].id, "ip_protocol": "tcp", "from_port": 443, "to_port": 443,
            "cidr_ipv4": "10.1.0.0/16", "tags": {"team": "a"},
        },
        lambda m: {"to_port": 444, "description": "two ports", "tags": {"team": "b"}},
        lambda m: {"cidr_ipv4": None, "referenced_security_group_id": m["home-group-b"].id},
        rule_exists,
    ),
    Case(
        "egress", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        lambda m: {"security_group_id": m["home-group"].id, "ip_protocol": "-1", "cidr_ipv4": "0.0.0.0/0"},
        lambda m: {"cidr_ipv4": "10.0.0.0/8", "description": "inside"},
        lambda m: {"security_group_id": m["home-group-b"].id},
        rule_exists,
    ),
    Case(
        "s3-endpoint", "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda m: {
            "vpc_id": m["home-vpc"].id, "service_name": "com.amazonaws.us-east-1.s3",
            "vpc_endpoint_type": "Gateway", "route_table_ids": [m["home-table"].id], "tags": {"team": "a"},
        },
        lambda m: {
            "route_table_ids": [m["home-table-b"].id, m["home-table"].id], "policy": _POLICY, "tags": {"team": "b"},
        },
        lambda m: {"service_name": "com.amazonaws.us-east-1.dynamodb"},
        by_filter("describe_vpc_endpoints", "VpcEndpoints", "vpc-endpoint-id"),
    ),
    Case(
        "logs-endpoint", "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda m: {
            "vpc_id": m["home-vpc"].id, "service_name": "com.amazonaws.us-east-1.logs", "private_dns_enabled": True,
            "vpc_endpoint_type": "Interface", "subnet_ids": [m["home-subnet"].id],
            "security_group_ids": [m["home-group"].id],
        },
        lambda m: {
            "subnet_ids": [m["home-subnet-b"].id, m["home-subnet"].id], "security_group_ids": [m["home-group-b"].id],
        },
        None,
        by_filter("describe_vpc_endpoints", "VpcEndpoints", "vpc-endpoint-id"),
    ),
    Case(
        "placement-group", "aws:ec2/placementGroup:PlacementGroup",
        lambda m: {"strategy": "cluster", "tags": {"team": "a"}},
        lambda m: {"tags": {"team": "b"}},
        lambda m: {"strategy": "partition", "partition_count": 2},
        by_filter("describe_placement_groups", "PlacementGroups", "group-name"),
    ),
)  # fmt: skip
