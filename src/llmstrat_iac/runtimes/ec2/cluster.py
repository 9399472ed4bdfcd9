"""The plan of a cluster on EC2: what it registers, what it costs beside the nodes, and what can't work.

Pure and light, and of one size whatever the number of nodes; a test compares it with what the component registers.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.components.ec2.cluster_shape import ClusterShape, cluster_shape
from llmstrat_iac.plan import Finding, PlannedResource, Severity, SizingLine, StackPlan
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.cluster_files import render_cluster_job
from llmstrat_iac.pretraining.storage import (
    check_storage,
    storage_costs,
    storage_resources,
    storage_sizing,
    what_bills_on,
)
from llmstrat_iac.runtimes.ec2.costs import network_lines, node_disks
from llmstrat_iac.runtimes.ec2.outline import expiry_resources, network_resources, role_resources

_BLOCK_FAMILIES = ("p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300")
"""Of the GPUs in the catalogue: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-blocks.html"""


def plan_cluster(pretraining: ResolvedPretraining) -> StackPlan:
    """The cluster as long as the job isn't over; what stays then is the log."""
    if pretraining.search.best is None:
        # The strategy says why; nothing can be said of what there isn't.
        return StackPlan(resources=())
    shape, options = cluster_shape(pretraining), pretraining.options
    disks = node_disks(shape.instances, options.root_gb, pretraining.region)
    network = tuple(network_lines("cluster", pretraining.region, "nat"))
    return StackPlan(
        resources=tuple(each for each in _resources(pretraining, shape) if each.count),
        costs=(*network, disks, *storage_costs(pretraining)),
        sizing=(*_sizing(pretraining, shape), *storage_sizing(pretraining)),
        findings=(
            *_check_capacity(pretraining),
            *check_storage(pretraining),
            *_check_spares(pretraining),
            *what_bills_on(pretraining, network, at_most="the cluster's latest end"),
        ),
        remaining=(PlannedResource("aws:cloudwatch/logGroup:LogGroup", 1, "the nodes' log"),),
    )


def _resources(pretraining: ResolvedPretraining, shape: ClusterShape) -> Iterator[PlannedResource]:
    calls = 2 if pretraining.cluster.storage.kind == "fsx" else 1
    files = len(render_cluster_job(pretraining, pretraining.identity))
    group = "aws:ec2/placementGroup:PlacementGroup"
    yield PlannedResource("llmstrat:ec2:Cluster", 1, "the component that owns everything of the job")
    yield from cluster_network_resources()
    yield from storage_resources(pretraining)
    yield PlannedResource("aws:s3/bucketObjectv2:BucketObjectv2", files, "the launcher and its job")
    yield from role_resources("cluster", 1)
    yield PlannedResource(group, 1 if shape.placement_group else 0, "keeps the nodes close to each other")
    yield PlannedResource("aws:ec2/launchTemplate:LaunchTemplate", 1, "one node: image, disk, network cards, start")
    yield PlannedResource("aws:autoscaling/group:Group", 1, "the nodes, and those that replace lost ones")
    yield from expiry_resources(1, calls, "stops nodes and file system when their time or the TTL ends")


def cluster_network_resources() -> Iterator[PlannedResource]:
    """What `components.cluster_network.ClusterNetwork` registers."""
    yield PlannedResource("llmstrat:cluster:Network", 1, "the component that owns the cluster's network")
    yield from network_resources("nat", subnets=1)
    yield PlannedResource("aws:ec2/securityGroup:SecurityGroup", 1, "of nodes and file system: admits itself alone")
    yield PlannedResource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", 1, "from the cluster itself")
    yield PlannedResource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", 2, "to itself; HTTPS out")


def _sizing(pretraining: ResolvedPretraining, shape: ClusterShape) -> Iterator[SizingLine]:
    devices = sum(each.kind == "efa-only" for each in shape.interfaces)
    if devices:
        yield SizingLine(
            "network of a node",
            f"{devices} EFA devices, {pretraining.plan.instance.network_gbps:,.0f} Gbit/s",
            "one of them a card, and one interface with an address: AWS's present recommendation",
        )
    hours = shape.lasts.total_seconds() / 3600
    yield SizingLine(
        "cluster ends",
        f"after {hours / 24:,.1f} days at the latest" if hours > 48 else f"after {hours:,.0f} hours at the latest",
        f"by itself when the job is over or {pretraining.options.idle_minutes} minutes without a step, "
        "and by EventBridge Scheduler from outside",
    )


def _check_capacity(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    cluster, instance = pretraining.cluster, pretraining.plan.instance
    if cluster.capacity == "capacity-block" and instance.family not in _BLOCK_FAMILIES:
        yield Finding(
            "cluster-capacity",
            Severity.ERROR,
            "cluster.capacity",
            f"there are no capacity blocks of {instance.name}",
            reason=f"AWS sells them for {', '.join(_BLOCK_FAMILIES)}",
            remedy="take one of those, or `capacity: on-demand`",
        )


def _check_spares(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    cluster, spares = pretraining.cluster, pretraining.cluster.spare_nodes
    if not spares:
        return
    if cluster.capacity in ("capacity-block", "reservation"):
        total = pretraining.plan.nodes + spares
        yield Finding(
            "cluster-spares",
            Severity.WARNING,
            "cluster.spare_nodes",
            f"the reservation has to hold {total} instances: {pretraining.plan.nodes} that train and {spares} spare",
            reason="what it doesn't hold isn't launched anywhere else",
            remedy="the preflight compares it with `cluster.reservation`; take fewer spares if it is smaller",
        )
    elif not pretraining.trainer.checkpoints.enabled:
        yield Finding(
            "cluster-spares",
            Severity.WARNING,
            "cluster.spare_nodes",
            "spare nodes save no time without checkpoints",
            reason="after a loss the run starts from its first step, whoever replaces the node",
            remedy="`trainer.checkpoints.enabled: true`, or no spare nodes",
        )
