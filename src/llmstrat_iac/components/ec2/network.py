"""A network for instances that nobody reaches from outside: private subnets, S3 for nothing, one way out or none.

Usable from any Pulumi program. `egress: nat` gives one NAT gateway, for what is on the internet (the Hugging Face hub,
PyPI, public registries); `none` gives interface endpoints for the AWS APIs that are listed, and no way out at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

_CIDR = "10.64.0.0/16"
_PRIVATE = {1: ("10.64.0.0/17",), 2: ("10.64.0.0/20", "10.64.16.0/20")}
"""By how many there are. A cluster's nodes are all in one, and may have an address for each network card."""
_PUBLIC = "10.64.255.0/28"
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class NetworkArgs:
    """What the network is for."""

    name: str
    """Physical name, and the `Name` tag of all of it."""
    region: str
    instance_type: str
    """What is to run in it: a zone that offers the type is preferred."""
    egress: Literal["nat", "none"]
    endpoints: Sequence[str] = ()
    """AWS services that are reached without `nat`, such as `logs` or `ecr.api`."""
    zone: pulumi.Input[str] | None = None
    """Of the only subnet; None: the first zone that offers the instance type."""
    subnets: Literal[1, 2] = 2
    """Private ones, each in a zone of its own."""


class Network(pulumi.ComponentResource):
    """A VPC with private subnets, each in a zone of its own."""

    vpc_id: pulumi.Output[str]
    subnet_ids: list[pulumi.Output[str]]
    """The private ones; the first is in a zone that offers the instance type, if any does."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llmstrat:ec2:Network", name, None, opts)
        self._logical, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        self._vpc = aws.ec2.Vpc(
            name,
            aws.ec2.VpcArgs(
                cidr_block=_CIDR, enable_dns_support=True, enable_dns_hostnames=True, tags={"Name": args.name}
            ),
            opts=self._child,
        )
        zones = _zones(args, pulumi.InvokeOutputOptions(parent=self))
        subnets = [
            self._subnet(f"{name}-{number + 1}", cidr, zones.apply(lambda known, number=number: known[number]))  # type: ignore[misc]
            for number, cidr in enumerate(_PRIVATE[args.subnets])
        ]
        routes = self._routes(name, subnets)
        self._s3 = self._gateway_endpoint(routes)
        self._way_out: list[pulumi.Resource] = []
        self._endpoint_group: aws.ec2.SecurityGroup | None = None
        if args.egress == "nat":
            self._way_out = self._nat(zones, routes)
        else:
            self._endpoint_group = self._interface_endpoints(subnets)
        self.vpc_id = self._vpc.id
        self.subnet_ids = [subnet.id for subnet in subnets]
        self.register_outputs({"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids})

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What instances must wait for to reach anything."""
        return [self._s3, *self._way_out]

    def allow_https_out(self, name: str, group: aws.ec2.SecurityGroup, opts: pulumi.ResourceOptions) -> None:
        """Let a security group's members call what this network reaches, over HTTPS and nothing else.

        DNS, the clock and the instance's metadata come from link-local addresses, which security groups don't filter:
        https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
        """
        if self._endpoint_group is None:
            _https_out(name, group, opts, description="HTTPS, by the NAT gateway", cidr_ipv4=ANYWHERE)
            return
        endpoints = self._endpoint_group.id
        _https_out(name, group, opts, description="Endpoints of AWS APIs", referenced_security_group_id=endpoints)
        _https_out(f"{name}-s3", group, opts, description="S3", prefix_list_id=self._s3.prefix_list_id)

    def _subnet(self, name: str, cidr: str, zone: pulumi.Input[str]) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            name,
            aws.ec2.SubnetArgs(
                vpc_id=self._vpc.id,
                cidr_block=cidr,
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags={"Name": f"{self._args.name}-{name.rpartition('-')[2]}"},
            ),
            # AWS adds zones and types to zones: that mustn't replace a network in use.
            opts=_merge(self._child, pulumi.ResourceOptions(ignore_changes=["availabilityZone"])),
        )

    def _routes(self, name: str, subnets: Sequence[aws.ec2.Subnet]) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(
            name,
            aws.ec2.RouteTableArgs(vpc_id=self._vpc.id, tags={"Name": self._args.name}),
            opts=self._child,
        )
        for number, subnet in enumerate(subnets):
            aws.ec2.RouteTableAssociation(
                f"{name}-{number + 1}",
                aws.ec2.RouteTableAssociationArgs(subnet_id=subnet.id, route_table_id=table.id),
                opts=self._child,
            )
        return table

    def _gateway_endpoint(self, routes: aws.ec2.RouteTable) -> aws.ec2.VpcEndpoint:
        """Weights, data and ECR's layers come from S3: free by this endpoint, and billed by the gigabyte by NAT."""
        return aws.ec2.VpcEndpoint(
            f"{self._logical}-s3",
            aws.ec2.VpcEndpointArgs(
                vpc_id=self._vpc.id,
                service_name=f"com.amazonaws.{self._args.region}.s3",
                vpc_endpoint_type="Gateway",
                route_table_ids=[routes.id],
                tags={"Name": f"{self._args.name}-s3"},
            ),
            opts=self._child,
        )

    def _nat(self, zones: pulumi.Output[list[str]], private: aws.ec2.RouteTable) -> list[pulumi.Resource]:
        """One NAT gateway in a subnet that holds nothing else. A second zone's would double the price of downloads
        that happen once an instance."""
        name, tags = f"{self._logical}-nat", {"Name": f"{self._args.name}-nat"}
        gateway = aws.ec2.InternetGateway(
            name, aws.ec2.InternetGatewayArgs(vpc_id=self._vpc.id, tags=tags), opts=self._child
        )
        subnet = self._subnet(name, _PUBLIC, zones.apply(lambda known: known[0]))
        public = self._routes(name, [subnet])
        outward = aws.ec2.Route(
            name,
            aws.ec2.RouteArgs(route_table_id=public.id, destination_cidr_block=ANYWHERE, gateway_id=gateway.id),
            opts=self._child,
        )
        address = aws.ec2.Eip(name, aws.ec2.EipArgs(domain="vpc", tags=tags), opts=self._child)
        nat = aws.ec2.NatGateway(
            name,
            aws.ec2.NatGatewayArgs(subnet_id=subnet.id, allocation_id=address.id, tags=tags),
            opts=_merge(self._child, pulumi.ResourceOptions(depends_on=[outward])),
        )
        route = aws.ec2.Route(
            self._logical,
            aws.ec2.RouteArgs(route_table_id=private.id, destination_cidr_block=ANYWHERE, nat_gateway_id=nat.id),
            opts=self._child,
        )
        return [route]

    def _interface_endpoints(self, subnets: Sequence[aws.ec2.Subnet]) -> aws.ec2.SecurityGroup:
        name = f"{self._logical}-endpoints"
        group = aws.ec2.SecurityGroup(
            name,
            aws.ec2.SecurityGroupArgs(
                name=f"llmstrat-{self._args.name}-endpoints",
                description="Endpoints of AWS APIs",
                vpc_id=self._vpc.id,
            ),
            opts=self._child,
        )
        aws.vpc.SecurityGroupIngressRule(
            name,
            aws.vpc.SecurityGroupIngressRuleArgs(
                security_group_id=group.id,
                description="HTTPS from this network",
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_ipv4=_CIDR,
            ),
            opts=self._child,
        )
        for service in self._args.endpoints:
            endpoint = aws.ec2.VpcEndpoint(
                f"{self._logical}-{service.replace('.', '-')}",
                aws.ec2.VpcEndpointArgs(
                    vpc_id=self._vpc.id,
                    service_name=f"com.amazonaws.{self._args.region}.{service}",
                    vpc_endpoint_type="Interface",
                    subnet_ids=[subnet.id for subnet in subnets],
                    security_group_ids=[group.id],
                    private_dns_enabled=True,
                    tags={"Name": f"{self._args.name}-{service}"},
                ),
                opts=self._child,
            )
            self._way_out.append(endpoint)
        return group


def _zones(args: NetworkArgs, opts: pulumi.InvokeOutputOptions) -> pulumi.Output[list[str]]:
    """Two zones of the region, those that offer the instance type first: few zones have the newest GPUs."""
    if args.zone is not None:
        assert args.subnets == 1
        return pulumi.Output.from_input(args.zone).apply(lambda zone: [zone])
    offered = aws.ec2.get_instance_type_offerings_output(
        location_type="availability-zone",
        filters=[aws.ec2.GetInstanceTypeOfferingsFilterArgs(name="instance-type", values=[args.instance_type])],
        opts=opts,
    ).locations
    # Local and Wavelength Zones are zones, too, but neither NAT gateways nor load balancers are everywhere in them.
    known = aws.get_availability_zones_output(
        state="available",
        filters=[aws.GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"])],
        opts=opts,
    ).names
    return pulumi.Output.all(offered, known).apply(lambda both: _preferred(both[0], both[1]))


def _preferred(offered: Sequence[str], known: Sequence[str]) -> list[str]:
    """Sorted, and sorted alike each time: what is preferred mustn't move with the order of an answer."""
    return sorted(known, key=lambda zone: (zone not in offered, zone))[:2]


def _https_out(
    name: str,
    group: aws.ec2.SecurityGroup,
    opts: pulumi.ResourceOptions,
    *,
    description: str,
    cidr_ipv4: str | None = None,
    referenced_security_group_id: pulumi.Input[str] | None = None,
    prefix_list_id: pulumi.Input[str] | None = None,
) -> None:
    aws.vpc.SecurityGroupEgressRule(
        name,
        aws.vpc.SecurityGroupEgressRuleArgs(
            security_group_id=group.id,
            description=description,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=cidr_ipv4,
            referenced_security_group_id=referenced_security_group_id,
            prefix_list_id=prefix_list_id,
        ),
        opts=opts,
    )


def _merge(first: pulumi.ResourceOptions, second: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(first, second)
