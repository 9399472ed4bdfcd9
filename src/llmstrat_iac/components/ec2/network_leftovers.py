"""Removes a network with all that is in it, in the order in which EC2 lets go of it.

Instances, NAT gateways, endpoints, balancers and VPC links hold network interfaces for minutes after they are deleted,
and nothing that an interface is in can be deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.components.leftovers import Finder, Found, is_absent, pages
from llmstrat_iac.components.names import TAG_STACK
from llmstrat_iac.components.tuning.patience import pauses
from llmstrat_iac.hookspecs import AwsSession

_TYPE = "vpc"
_PATIENCE_SECONDS = 1200.0
_HELD = ("DependencyViolation", "InvalidParameterValue", "InvalidNetworkInterface.InUse")


def networks_finder(stack_name: str, session: AwsSession, sleep: Callable[[float], None]) -> Finder:
    """The finder of the stack's networks."""
    return Finder(_TYPE, partial(_networks, stack_name, session, sleep))


def _networks(stack_name: str, session: AwsSession, sleep: Callable[[float], None]) -> Iterator[Found]:
    client = session.client("ec2")
    filters = [{"Name": f"tag:{TAG_STACK}", "Values": [stack_name]}]
    for vpc in pages(client, "describe_vpcs", "Vpcs", Filters=filters):
        identity = vpc["VpcId"]
        nat = len(_nat_gateways(client, identity))
        detail = "with all that is in it" + (", a NAT gateway too" if nat else "")
        yield Found(_TYPE, identity, detail, billed=bool(nat), remove=partial(_Removal(client, identity, sleep).run))


class _Removal:
    """The steps for one network. What is gone already is no error."""

    def __init__(self, client: Any, vpc: str, sleep: Callable[[float], None]) -> None:
        self._client, self._vpc, self._sleep = client, vpc, sleep
        # For all steps together.
        self._pauses = pauses(_PATIENCE_SECONDS)

    def run(self) -> None:
        """Ask for all deletions that take their time, wait until they have let go, remove the rest."""
        client = self._client
        for nat in _nat_gateways(client, self._vpc):
            client.delete_nat_gateway(NatGatewayId=nat)
        endpoints = [each["VpcEndpointId"] for each in self._all("describe_vpc_endpoints", "VpcEndpoints")]
        if endpoints:
            client.delete_vpc_endpoints(VpcEndpointIds=endpoints)
        while self._interfaces() and self._patient():
            pass
        self._security_groups()
        for subnet in self._all("describe_subnets", "Subnets"):
            self._delete(partial(client.delete_subnet, SubnetId=subnet["SubnetId"]))
        for table in self._all("describe_route_tables", "RouteTables"):
            if not any(each.get("Main") for each in table.get("Associations") or ()):
                self._delete(partial(client.delete_route_table, RouteTableId=table["RouteTableId"]))
        for gateway in self._all("describe_internet_gateways", "InternetGateways", by="attachment.vpc-id"):
            identity = gateway["InternetGatewayId"]
            self._delete(partial(client.detach_internet_gateway, InternetGatewayId=identity, VpcId=self._vpc))
            self._delete(partial(client.delete_internet_gateway, InternetGatewayId=identity))
        self._delete(partial(client.delete_vpc, VpcId=self._vpc))

    def _interfaces(self) -> list[str]:
        """Interfaces that somebody still holds; those that nobody does are deleted."""
        held = []
        for each in self._all("describe_network_interfaces", "NetworkInterfaces"):
            if each["Status"] == "available":
                self._client.delete_network_interface(NetworkInterfaceId=each["NetworkInterfaceId"])
            else:
                held.append(each["NetworkInterfaceId"])
        return held

    def _security_groups(self) -> None:
        """They name each other in their rules, so the rules go first."""
        groups = [
            each for each in self._all("describe_security_groups", "SecurityGroups") if each["GroupName"] != "default"
        ]
        for group in groups:
            identity = group["GroupId"]
            rules = self._all("describe_security_group_rules", "SecurityGroupRules", by="group-id", of=identity)
            for egress, revoke in (
                (False, self._client.revoke_security_group_ingress),
                (True, self._client.revoke_security_group_egress),
            ):
                ids = [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] is egress]
                if ids:
                    revoke(GroupId=identity, SecurityGroupRuleIds=ids)
        for group in groups:
            self._delete(partial(self._client.delete_security_group, GroupId=group["GroupId"]))

    def _all(self, operation: str, key: str, *, by: str = "vpc-id", of: str | None = None) -> list[Any]:
        filters = [{"Name": by, "Values": [of or self._vpc]}]
        return list(pages(self._client, operation, key, Filters=filters))

    def _delete(self, call: Callable[[], object]) -> None:
        while True:
            try:
                call()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _HELD and self._patient():
                    continue
                if not is_absent(error) and code != "Gateway.NotAttached":
                    raise
            return

    def _patient(self) -> bool:
        """Wait a little; False when patience is at its end."""
        pause = next(self._pauses, None)
        if pause is not None:
            self._sleep(pause)
        return pause is not None


def _nat_gateways(client: Any, vpc: str) -> list[str]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "state", "Values": ["pending", "available"]}]
    return [each["NatGatewayId"] for each in pages(client, "describe_nat_gateways", "NatGateways", Filter=filters)]
