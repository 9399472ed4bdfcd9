"""What is left on EC2 is found by tag, name and path, and removed in the order in which AWS lets go of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.components.ec2.names import Ec2Names
from llmstrat_iac.components.ec2.sweep import sweep

STACK = "support-dev"
TAGS = [{"Key": "llmstrat:stack", "Value": STACK}]


def ours(answer: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """The answer to whoever asks for the stack's tag."""

    def answered(Filters: list[dict[str, Any]]) -> dict[str, Any]:
        assert Filters[0] == {"Name": "tag:llmstrat:stack", "Values": [STACK]}
        return answer

    return answered


def everything() -> dict[str, dict[str, Any]]:
    """An account in which a destroy has removed nothing, but for the network."""
    return {
        "autoscaling": {
            "describe_auto_scaling_groups": ours(
                {"AutoScalingGroups": [{"AutoScalingGroupName": "support-dev-fleet", "Instances": [{}]}]}
            )
        },
        "ec2": {
            "describe_instances": ours(
                {"Reservations": [{"Instances": [{"InstanceId": "i-1", "InstanceType": "g6e.xlarge"}]}]}
            ),
            "describe_launch_templates": ours(
                {"LaunchTemplates": [{"LaunchTemplateId": "lt-1", "LaunchTemplateName": "support-dev-fleet"}]}
            ),
            "describe_vpcs": ours({"Vpcs": []}),
            "describe_addresses": ours({"Addresses": [{"AllocationId": "eipalloc-1", "PublicIp": "192.0.2.1"}]}),
        },
        "elbv2": {
            "describe_load_balancers": {"LoadBalancers": [{"LoadBalancerArn": "lb", "LoadBalancerName": STACK}]},
            "describe_target_groups": {"TargetGroups": [{"TargetGroupArn": "tg", "TargetGroupName": STACK}]},
            "describe_tags": {"TagDescriptions": [{"Tags": TAGS}]},
        },
        "apigatewayv2": {
            "get_vpc_links": {
                "Items": [
                    {"VpcLinkId": "vl", "Name": "support-dev-fleet", "Tags": {"llmstrat:stack": STACK}},
                    {"VpcLinkId": "other", "Name": "support-dev-fleet", "Tags": {}},
                ]
            }
        },
        "iam": {
            "list_instance_profiles": {
                "InstanceProfiles": [
                    {
                        "Path": "/llmstrat/support-dev/",
                        "InstanceProfileName": "support-dev-fleet",
                        "Roles": [{"RoleName": "support-dev-fleet"}],
                    }
                ]
            }
        },
    }


BILLED = {"autoscaling group", "ec2 instance", "load balancer", "elastic IP"}


def test_all_of_it_is_found_and_only_looked_at() -> None:
    account = FakeAccount(everything())
    found = list(sweep(STACK, account, remove=False))
    assert [each.id for each in found] == [
        "support-dev-fleet", "i-1", "lt-1", "lb", "tg", "vl", "support-dev-fleet", "eipalloc-1",
    ]  # fmt: skip
    assert {each.type for each in found if each.billed} == BILLED
    assert not any(each.removed for each in found)
    assert not account.operations("delete", "terminate", "release", "remove")


def test_all_of_it_is_removed_groups_before_instances() -> None:
    account = FakeAccount(everything())
    assert all(each.removed for each in sweep(STACK, account, remove=True))
    assert account.operations("delete", "terminate", "release", "remove") == [
        "delete_auto_scaling_group",
        "terminate_instances",
        "delete_launch_template",
        "delete_load_balancer",
        "delete_target_group",
        "delete_vpc_link",
        "remove_role_from_instance_profile",
        "delete_instance_profile",
        "release_address",
    ]


def test_an_empty_account_has_nothing_left() -> None:
    answers: dict[str, dict[str, Any]] = {
        "elbv2": {
            "describe_load_balancers": error("LoadBalancerNotFound"),
            "describe_target_groups": error("TargetGroupNotFound"),
        },
        "ec2": {"describe_addresses": {"Addresses": []}},
    }
    assert list(sweep(STACK, FakeAccount(answers), remove=True)) == []


def test_a_balancer_of_the_same_name_but_another_stack_stays() -> None:
    answers = everything()
    answers["elbv2"]["describe_tags"] = {"TagDescriptions": [{"Tags": []}]}
    found = {each.type for each in sweep(STACK, FakeAccount(answers), remove=True)}
    assert not found & {"load balancer", "target group"}


def test_what_couldnt_be_looked_at_isnt_taken_for_gone() -> None:
    answers = everything()
    answers["ec2"]["describe_instances"] = error("UnauthorizedOperation")
    [unchecked] = [each for each in sweep(STACK, FakeAccount(answers), remove=True) if each.type == "ec2 instance"]
    assert (unchecked.id, unchecked.removed) == ("*", False)


@dataclass
class FakeVpc:
    """A network whose parts hold each other; NAT gateway and endpoint let go of their interfaces after some looks."""

    looks: int = 3
    parts: dict[str, str] = field(
        default_factory=lambda: {
            "nat-1": "nat", "vpce-1": "endpoint", "sg-a": "group", "sg-b": "group", "subnet-1": "subnet",
            "rtb-1": "table", "igw-1": "gateway", "vpc-1": "vpc",
        }
    )  # fmt: skip
    rules: set[str] = field(default_factory=lambda: {"sgr-1", "sgr-2"})
    attached: bool = True

    def answers(self) -> dict[str, Any]:
        return {
            "describe_vpcs": lambda **_: {"Vpcs": self._of("vpc", "VpcId")},
            "describe_nat_gateways": lambda **_: {"NatGateways": self._of("nat", "NatGatewayId")},
            "describe_vpc_endpoints": lambda **_: {"VpcEndpoints": self._of("endpoint", "VpcEndpointId")},
            "describe_network_interfaces": lambda **_: {"NetworkInterfaces": self._interfaces()},
            "describe_security_groups": lambda **_: {
                "SecurityGroups": [
                    *({"GroupId": each, "GroupName": each} for each in self.parts if each.startswith("sg-")),
                    {"GroupId": "sg-default", "GroupName": "default"},
                ]
            },
            "describe_security_group_rules": self._rules_of,
            "describe_subnets": lambda **_: {"Subnets": self._of("subnet", "SubnetId")},
            "describe_route_tables": lambda **_: {
                "RouteTables": [
                    *self._of("table", "RouteTableId"),
                    {"RouteTableId": "rtb-main", "Associations": [{"Main": True}]},
                ]
            },
            "describe_internet_gateways": lambda **_: {
                "InternetGateways": self._of("gateway", "InternetGatewayId") if self.attached else []
            },
            "describe_addresses": {"Addresses": []},
            "revoke_security_group_ingress": self._revoke,
            "revoke_security_group_egress": self._revoke,
            "delete_nat_gateway": self._nat_gone,
            "delete_vpc_endpoints": lambda VpcEndpointIds: [self._gone(each) for each in VpcEndpointIds],
            "delete_network_interface": lambda **_: {},
            "delete_security_group": lambda GroupId: self._gone(GroupId, held=bool(self.rules) or self.looks > 0),
            "delete_subnet": lambda SubnetId: self._gone(SubnetId, held=self.looks > 0),
            "delete_route_table": lambda RouteTableId: self._gone(RouteTableId, held="subnet-1" in self.parts),
            "detach_internet_gateway": self._detach,
            "delete_internet_gateway": lambda InternetGatewayId: self._gone(InternetGatewayId, held=self.attached),
            "delete_vpc": lambda VpcId: self._gone(VpcId, held=set(self.parts) != {"vpc-1"}),
        }

    def _of(self, kind: str, name: str) -> list[dict[str, str]]:
        return [{name: each} for each, its in self.parts.items() if its == kind]

    def _interfaces(self) -> list[dict[str, str]]:
        if not {"nat-1", "vpce-1"} & set(self.parts):
            self.looks = max(0, self.looks - 1)
        return [{"NetworkInterfaceId": "eni-1", "Status": "in-use"}] if self.looks else []

    def _rules_of(self, Filters: list[dict[str, Any]]) -> dict[str, Any]:
        by_group = {"sg-a": ("sgr-1", True), "sg-b": ("sgr-2", False)}
        rule, egress = by_group[Filters[0]["Values"][0]]
        found = [{"SecurityGroupRuleId": rule, "IsEgress": egress}] if rule in self.rules else []
        return {"SecurityGroupRules": found}

    def _revoke(self, GroupId: str, SecurityGroupRuleIds: list[str]) -> dict[str, Any]:
        self.rules -= set(SecurityGroupRuleIds)
        return {}

    def _detach(self, InternetGatewayId: str, VpcId: str) -> dict[str, Any]:
        self.attached = False
        return {}

    def _nat_gone(self, NatGatewayId: str) -> dict[str, Any]:
        return self._gone(NatGatewayId)

    def _gone(self, part: str, *, held: bool = False) -> dict[str, Any]:
        if held:
            raise error("DependencyViolation")
        if part not in self.parts:
            raise error("InvalidThing.NotFound")
        del self.parts[part]
        return {}


def _with_network(vpc: FakeVpc) -> FakeAccount:
    absent = {
        "describe_load_balancers": error("LoadBalancerNotFound"),
        "describe_target_groups": error("TargetGroupNotFound"),
    }
    return FakeAccount({"ec2": vpc.answers(), "elbv2": absent})


def test_a_network_is_removed_when_its_parts_have_let_go() -> None:
    vpc, waited = FakeVpc(), []
    [found] = sweep(STACK, _with_network(vpc), remove=True, sleep=waited.append)
    assert (found.type, found.id, found.billed, found.removed) == ("vpc", "vpc-1", True, True)
    assert vpc.parts == {}
    assert vpc.rules == set()
    assert waited, "interfaces are waited for"


def test_a_network_that_is_held_for_ever_is_reported() -> None:
    vpc, waited = FakeVpc(looks=10_000), []
    [found] = sweep(STACK, _with_network(vpc), remove=True, sleep=waited.append)
    assert (found.removed, "DependencyViolation" in found.detail) == (False, True)
    assert sum(waited) == pytest.approx(1200, abs=15)


@pytest.mark.parametrize(
    ("prefix", "plain"),
    [
        ("support-dev", True),
        ("a" * 24 + "-production12", False),
        ("internal-chat-dev", False),
    ],
)
def test_names_of_balancers_are_such_as_aws_takes(prefix: str, plain: bool) -> None:
    name = Ec2Names(prefix).balancer
    assert (name == prefix) is plain
    assert len(name) <= 32
    assert not name.startswith("internal-")
    assert not name.startswith("-")
    assert not name.endswith("-")
    assert name != Ec2Names(prefix + "x").balancer
