"""A network for nodes that train together: one zone, one subnet, one security group that admits only itself.

Usable from any Pulumi program. Whatever belongs to the cluster (nodes, file system) is put into the group.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.ec2.network import Network, NetworkArgs


@dataclass(frozen=True)
class ClusterNetworkArgs:
    """What the network is for."""

    name: str
    """Physical name, and the `Name` tag of all of it."""
    region: str
    instance_type: str
    """EC2's name of what is to run in it."""
    zone: pulumi.Input[str] | None = None
    """Where the capacity or the data is; the first zone that offers the instance type if unset."""


class ClusterNetwork(pulumi.ComponentResource):
    """A VPC with one private subnet, a NAT gateway, an S3 endpoint, and the cluster's security group."""

    vpc_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    ready: list[pulumi.Resource]
    """What nodes must wait for."""

    def __init__(self, name: str, args: ClusterNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llmstrat:cluster:Network", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        network = Network(
            name,
            NetworkArgs(args.name, args.region, args.instance_type, "nat", zone=args.zone, subnets=1),
            child,
        )
        group = aws.ec2.SecurityGroup(
            name,
            aws.ec2.SecurityGroupArgs(
                name=f"llmstrat-{args.name}",
                description="Nodes and file system of the cluster: they reach each other, and nobody reaches them",
                vpc_id=network.vpc_id,
            ),
            opts=child,
        )
        rules = _within(name, group, child)
        # For S3, AWS's APIs, PyPI and the hub. It can't stand in for the rule to itself: EFA's packets have no
        # addresses that a range could match.
        network.allow_https_out(name, group, child)
        self.vpc_id, self.subnet_id, self.security_group_id = network.vpc_id, network.subnet_ids[0], group.id
        self.ready = [*network.ready, *rules]
        self.register_outputs(
            {"vpc_id": self.vpc_id, "subnet_id": self.subnet_id, "security_group_id": self.security_group_id}
        )


def _within(name: str, group: aws.ec2.SecurityGroup, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """All protocols from the group to itself, both ways: EFA needs it, and torchrun, NCCL's sockets and Lustre
    (988, 1018 to 1023) are in it.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-start.html#efa-start-security
    """
    return [
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-within",
            aws.vpc.SecurityGroupIngressRuleArgs(
                security_group_id=group.id,
                description="From the cluster itself",
                ip_protocol="-1",
                referenced_security_group_id=group.id,
            ),
            opts=opts,
        ),
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-within",
            aws.vpc.SecurityGroupEgressRuleArgs(
                security_group_id=group.id,
                description="To the cluster itself",
                ip_protocol="-1",
                referenced_security_group_id=group.id,
            ),
            opts=opts,
        ),
    ]
