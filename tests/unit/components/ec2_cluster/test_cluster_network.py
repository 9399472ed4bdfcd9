"""The cluster's network: one zone, a group that admits itself both ways, and nobody from outside."""

from __future__ import annotations

import pulumi
import pytest
from components_kit import Deployed, deploy
from ec2_cluster_kit import EGRESS, INGRESS, SECURITY_GROUP

from llmstrat_iac.components.cluster_network import ClusterNetwork, ClusterNetworkArgs

SUBNET = "aws:ec2/subnet:Subnet"


def network(zone: str | None = None) -> Deployed:
    def program() -> None:
        made = ClusterNetwork("net", ClusterNetworkArgs("n", "us-east-1", "p5.48xlarge", zone))
        pulumi.export("subnet", made.subnet_id)
        pulumi.export("group", made.security_group_id)

    return deploy(program)


@pytest.fixture(scope="module")
def deployed() -> Deployed:
    return network()


def test_the_group_admits_itself_for_all_protocols_both_ways(deployed: Deployed) -> None:
    group = deployed.outputs["group"]
    for kind in (INGRESS, EGRESS):
        rule = deployed.one(kind, "net-within").inputs
        assert rule["ipProtocol"] == "-1", "Lustre's ports, torchrun's and EFA's packets, which have none"
        assert (rule["securityGroupId"], rule["referencedSecurityGroupId"]) == (group, group)
        assert "cidrIpv4" not in rule


def test_nothing_else_is_let_in(deployed: Deployed) -> None:
    assert [each.name for each in deployed.of(INGRESS)] == ["net-within"]
    assert not {"ingress", "egress"} & set(deployed.one(SECURITY_GROUP).inputs)


def test_what_leaves_the_cluster_is_https_alone(deployed: Deployed) -> None:
    [rule] = [each.inputs for each in deployed.of(EGRESS) if each.name != "net-within"]
    assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == ("tcp", 443, 443, "0.0.0.0/0")


def test_all_nodes_are_in_one_private_subnet_that_has_room_for_them(deployed: Deployed) -> None:
    subnet = deployed.one(SUBNET, "net-1").inputs
    assert subnet["availabilityZone"] == "us-east-1c", "the first zone that offers the type"
    assert subnet["mapPublicIpOnLaunch"] is False
    assert int(subnet["cidrBlock"].partition("/")[2]) <= 17
    assert {each.name for each in deployed.of(SUBNET)} == {"net-1", "net-nat"}
    assert deployed.outputs["subnet"] == "net-1-id"


def test_the_zone_of_the_reservation_wins() -> None:
    zones = {each.inputs["availabilityZone"] for each in network("us-east-1b").of(SUBNET)}
    assert zones == {"us-east-1b"}
