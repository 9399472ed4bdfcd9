"""Networks keep what they are given, check it, and don't go while somebody is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from compute_kit import Place, make_place
from sandbox_kit import Clients

IN_USE = "DependencyViolation"


@pytest.fixture
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def refused(code: str, call: Callable[..., Any], **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("cidr", "code"),
    [
        ("10.64.0.0/24", "InvalidSubnet.Conflict"),
        ("10.65.0.0/24", "InvalidSubnet.Range"),
        ("10.64.128.0/29", "InvalidSubnet.Range"),
        ("10.64.128.1/24", "InvalidParameterValue"),
    ],
)
def test_a_subnets_range_is_checked(place: Place, cidr: str, code: str) -> None:
    refused(code, place.ec2.create_subnet, VpcId=place.vpc, CidrBlock=cidr)


def test_what_is_in_use_stays(place: Place) -> None:
    ec2 = place.ec2
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=place.vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=place.subnets[0], AllocationId=address)["NatGateway"]
    table = ec2.create_route_table(VpcId=place.vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGatewayId"])
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=place.subnets[1])["AssociationId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=place.vpc, ServiceName="com.amazonaws.us-east-1.logs", VpcEndpointType="Interface",
        SubnetIds=[place.subnets[1]], SecurityGroupIds=[place.group],
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip

    refused("InvalidIPAddress.InUse", ec2.release_address, AllocationId=address)
    refused(IN_USE, ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=place.vpc)
    refused(IN_USE, ec2.delete_internet_gateway, InternetGatewayId=gateway)
    refused(IN_USE, ec2.delete_route_table, RouteTableId=table)
    refused(IN_USE, ec2.delete_subnet, SubnetId=place.subnets[0])
    refused(IN_USE, ec2.delete_subnet, SubnetId=place.subnets[1])
    refused(IN_USE, ec2.delete_security_group, GroupId=place.group)
    refused(IN_USE, ec2.delete_vpc, VpcId=place.vpc)

    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    ec2.release_address(AllocationId=address)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_security_group(GroupId=place.group)
    for subnet in place.subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=place.vpc)
    refused(IN_USE, ec2.delete_vpc, VpcId=place.vpc)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_vpc(VpcId=place.vpc)
    inside = [{"Name": "vpc-id", "Values": [place.vpc]}]
    assert ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"] == []


def test_a_groups_rule_keeps_the_group_that_it_names(place: Place) -> None:
    other = place.ec2.create_security_group(GroupName="other", Description="d", VpcId=place.vpc)["GroupId"]
    pair = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": place.group}]}
    made = place.ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[pair])["SecurityGroupRules"]
    refused(IN_USE, place.ec2.delete_security_group, GroupId=place.group)
    rule = made[0]["SecurityGroupRuleId"]
    place.ec2.revoke_security_group_ingress(GroupId=other, SecurityGroupRuleIds=[rule])
    place.ec2.delete_security_group(GroupId=place.group)


def test_an_endpoint_reads_back_whole(place: Place) -> None:
    made = place.ec2.create_vpc_endpoint(
        VpcId=place.vpc, ServiceName="com.amazonaws.us-east-1.ecr.api", VpcEndpointType="Interface",
        SubnetIds=place.subnets, SecurityGroupIds=[place.group], PrivateDnsEnabled=True,
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "team", "Value": "a&b"}]}],
    )["VpcEndpoint"]  # fmt: skip
    by_tag = [{"Name": "tag:team", "Values": ["a&*"]}, {"Name": "vpc-id", "Values": [place.vpc]}]
    [found] = place.ec2.describe_vpc_endpoints(Filters=by_tag)["VpcEndpoints"]
    assert found["VpcEndpointId"] == made["VpcEndpointId"]
    assert [group["GroupId"] for group in found["Groups"]] == [place.group]
    assert (len(found["NetworkInterfaceIds"]), found["PrivateDnsEnabled"]) == (2, True)


def test_a_filter_that_doesnt_exist_is_refused(place: Place) -> None:
    with pytest.raises(ClientError, match="The filter 'colour' is invalid"):
        place.ec2.describe_network_interfaces(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_a_gateway_endpoint_is_for_s3_and_dynamodb_only(place: Place) -> None:
    with pytest.raises(ClientError, match="does not match available service types"):
        place.ec2.create_vpc_endpoint(VpcId=place.vpc, ServiceName="com.amazonaws.us-east-1.logs")


def test_a_second_table_for_a_subnet_is_refused(place: Place) -> None:
    tables = [place.ec2.create_route_table(VpcId=place.vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
    place.ec2.associate_route_table(RouteTableId=tables[0], SubnetId=place.subnets[0])
    with pytest.raises(ClientError, match=r"Resource\.AlreadyAssociated"):
        place.ec2.associate_route_table(RouteTableId=tables[1], SubnetId=place.subnets[0])
