"""The network: nobody gets in, one way out or none, and zones that have the GPU."""

from __future__ import annotations

import pulumi
import pytest
from components_kit import Deployed, deploy
from ec2_kit import EGRESS, ENDPOINT, INGRESS

from llmstrat_iac.components.ec2.egress import NETWORK_ENDPOINTS
from llmstrat_iac.components.ec2.network import Network, NetworkArgs

SUBNET = "aws:ec2/subnet:Subnet"


@pytest.fixture(scope="module")
def nat() -> Deployed:
    return deploy(lambda: _use(NetworkArgs("n", "us-east-1", "g6e.xlarge", "nat")))


@pytest.fixture(scope="module")
def closed() -> Deployed:
    return deploy(lambda: _use(NetworkArgs("n", "us-east-1", "g6e.xlarge", "none", NETWORK_ENDPOINTS)))


def _use(args: NetworkArgs) -> None:
    network = Network("net", args)
    pulumi.export("subnets", network.subnet_ids)


def test_instances_are_in_private_subnets_of_zones_that_offer_the_type(nat: Deployed) -> None:
    private = [nat.one(SUBNET, f"net-{number}").inputs for number in (1, 2)]
    assert [each["availabilityZone"] for each in private] == ["us-east-1c", "us-east-1d"]
    assert all(each["mapPublicIpOnLaunch"] is False for each in nat_subnets(nat))
    assert nat.outputs["subnets"] == ["net-1-id", "net-2-id"]


def nat_subnets(deployed: Deployed) -> list[dict]:
    return [dict(each.inputs) for each in deployed.of(SUBNET)]


def test_a_zone_that_gets_the_type_later_doesnt_replace_a_network_in_use(nat: Deployed) -> None:
    assert all(each.ignored_changes == {"availabilityZone"} for each in nat.of(SUBNET))


def test_the_way_out_is_a_nat_gateway_and_nothing_is_let_in(nat: Deployed) -> None:
    routes = {each.name: each.inputs for each in nat.of("aws:ec2/route:Route")}
    assert "natGatewayId" in routes["net"]
    assert routes["net"]["routeTableId"] == "net-id"
    assert "gatewayId" in routes["net-nat"]
    assert routes["net-nat"]["routeTableId"] == "net-nat-id"
    associations = {each.name: each.inputs["subnetId"] for each in nat.of(_ASSOCIATION)}
    assert associations == {"net-1": "net-1-id", "net-2": "net-2-id", "net-nat-1": "net-nat-id"}
    assert not nat.of(INGRESS)


_ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"


def test_s3_is_reached_for_nothing(nat: Deployed) -> None:
    endpoint = nat.one(ENDPOINT).inputs
    assert endpoint["vpcEndpointType"] == "Gateway"
    assert endpoint["serviceName"] == "com.amazonaws.us-east-1.s3"
    assert endpoint["routeTableIds"] == ["net-id"]


def test_without_a_way_out_only_the_listed_endpoints_are_reached(closed: Deployed) -> None:
    for kind in ("internetGateway:InternetGateway", "natGateway:NatGateway", "eip:Eip", "route:Route"):
        assert not closed.of(f"aws:ec2/{kind}")
    interfaces = [each.inputs for each in closed.of(ENDPOINT) if each.inputs["vpcEndpointType"] == "Interface"]
    assert {each["serviceName"] for each in interfaces} == {
        f"com.amazonaws.us-east-1.{service}" for service in NETWORK_ENDPOINTS
    }
    assert all(each["privateDnsEnabled"] and len(each["subnetIds"]) == 2 for each in interfaces)
    rule = closed.one(INGRESS).inputs
    assert (rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == (443, 443, "10.64.0.0/16")
    assert not closed.of(EGRESS)
