"""The launch template of a cluster's nodes: EFA devices card by card, and whose capacity they use."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.cluster_network import ClusterNetwork
from llmstrat_iac.components.ec2 import machine
from llmstrat_iac.components.ec2.cluster_shape import ClusterShape
from llmstrat_iac.pretraining import ResolvedPretraining


def cluster_template_args(
    pretraining: ResolvedPretraining,
    shape: ClusterShape,
    *,
    name: str,
    image: pulumi.Input[str],
    profile: aws.iam.InstanceProfile,
    network: ClusterNetwork,
    user_data: pulumi.Input[str],
    tags: Mapping[str, str],
) -> aws.ec2.LaunchTemplateArgs:
    """Of the size of one node, however many are launched from it."""
    data, cluster = aws.ec2, pretraining.cluster
    args = machine.template_args(
        name=name,
        image=image,
        instance_type=pretraining.plan.instance.name,
        root_gb=pretraining.options.root_gb,
        profile=profile,
        security_group=None,
        user_data=user_data,
        tags=tags,
        spot=cluster.capacity == "spot",
    )
    args.network_interfaces = [
        data.LaunchTemplateNetworkInterfaceArgs(
            network_card_index=each.card,
            device_index=each.device,
            interface_type=each.kind,
            security_groups=[network.security_group_id],
            delete_on_termination="true",
        )
        for each in shape.interfaces
    ]
    if cluster.capacity == "capacity-block":
        # The provider's text knows `spot` only, its schema all of EC2's market types.
        args.instance_market_options = data.LaunchTemplateInstanceMarketOptionsArgs(market_type="capacity-block")
    if shape.reserved:
        target = data.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
            capacity_reservation_id=cluster.reservation
        )
        args.capacity_reservation_specification = data.LaunchTemplateCapacityReservationSpecificationArgs(
            capacity_reservation_target=target
        )
    return args
