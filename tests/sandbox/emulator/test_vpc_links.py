"""VPC links V2: their life, their tags, their errors."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from private_api import make_link, make_network
from sandbox_kit import Clients, clients


def test_upstream_still_has_no_links(plain_emulator_url: str) -> None:
    with pytest.raises(ClientError) as caught:
        clients(plain_emulator_url)("apigatewayv2").create_vpc_link(Name="gap", SubnetIds=["subnet-a"])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404, (
        "plain ministack now makes VPC links: compare, then delete the addition `vpc-links`"
    )


def test_a_link_is_pending_then_available(aws: Clients) -> None:
    gateway = aws("apigatewayv2")
    network = make_network(aws, "links")
    made = gateway.create_vpc_link(Name="one", SubnetIds=network.subnets[:1], Tags={"a": "b"})
    assert (made["VpcLinkStatus"], made["VpcLinkVersion"]) == ("PENDING", "V2")
    link = make_link(aws, "two", network)
    read = gateway.get_vpc_link(VpcLinkId=link)
    assert (read["Name"], read["SubnetIds"], read["SecurityGroupIds"]) == ("two", network.subnets, [network.group])
    assert {made["VpcLinkId"], link} <= {each["VpcLinkId"] for each in gateway.get_vpc_links()["Items"]}


def test_a_link_is_renamed_tagged_and_deleted(aws: Clients) -> None:
    gateway, link = aws("apigatewayv2"), make_link(aws, "three")
    assert gateway.update_vpc_link(VpcLinkId=link, Name="renamed")["Name"] == "renamed"
    arn = f"arn:aws:apigateway:us-east-1::/vpclinks/{link}"
    gateway.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    gateway.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert gateway.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert gateway.get_vpc_link(VpcLinkId=link)["Tags"] == {"b": "2"}
    gateway.delete_vpc_link(VpcLinkId=link)
    with pytest.raises(gateway.exceptions.NotFoundException):
        gateway.get_vpc_link(VpcLinkId=link)


def test_a_link_holds_its_subnets_and_groups_until_it_goes(aws: Clients) -> None:
    gateway, ec2, network = aws("apigatewayv2"), aws("ec2"), make_network(aws, "held")
    link = make_link(aws, "held", network)
    for delete in (
        lambda: ec2.delete_subnet(SubnetId=network.subnets[0]),
        lambda: ec2.delete_security_group(GroupId=network.group),
    ):
        with pytest.raises(ClientError, match="DependencyViolation"):
            delete()
    gateway.delete_vpc_link(VpcLinkId=link)
    ec2.delete_security_group(GroupId=network.group)
    ec2.delete_subnet(SubnetId=network.subnets[0])


def test_a_link_into_nowhere_is_refused_and_holds_nothing(aws: Clients) -> None:
    network = make_network(aws, "nowhere")
    with pytest.raises(ClientError, match="'subnet-absent' does not exist"):
        aws("apigatewayv2").create_vpc_link(Name="x", SubnetIds=[network.subnets[0], "subnet-absent"])
    aws("ec2").delete_subnet(SubnetId=network.subnets[0])


def test_tags_of_other_things_are_still_upstreams(aws: Clients) -> None:
    gateway = aws("apigatewayv2")
    api = gateway.create_api(Name="http", ProtocolType="HTTP", Tags={"a": "b"})["ApiId"]
    assert gateway.get_tags(ResourceArn=f"arn:aws:apigateway:us-east-1::/apis/{api}")["Tags"] == {"a": "b"}


def test_a_link_needs_subnets(aws: Clients) -> None:
    with pytest.raises(ClientError, match="At least one subnet"):
        aws("apigatewayv2").create_vpc_link(Name="none", SubnetIds=[])
