"""What a multi-node training job on SageMaker will register and cost, and what can't work. Pure.

Nothing here grows with the number of nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.aws_prices import aws_price
from llmstrat_iac.catalog.sagemaker_images import TRAINING, image_uri
from llmstrat_iac.components.sagemaker.cluster_options import ClusterOptions
from llmstrat_iac.plan import Basis, CostLine, PlannedResource, SizingLine, StackPlan
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.pretraining.storage import (
    check_storage,
    has_file_system,
    storage_costs,
    storage_resources,
    storage_sizing,
)
from llmstrat_iac.runtimes.sagemaker.cluster_checks import check_cluster


def plan_cluster(pretraining: ResolvedPretraining) -> StackPlan:
    """The job, its network and its file system, what it reads, and its end."""
    if pretraining.search.best is None:  # the strategy says so
        return StackPlan(resources=(), findings=tuple(check_cluster(pretraining)))
    options: ClusterOptions = pretraining.options
    image = options.image or image_uri(TRAINING, pretraining.region)
    ends = 2 if has_file_system(pretraining) else 1
    resources = [
        *code_files(pretraining),
        PlannedResource("aws:iam/role:Role", 1, "what the job runs with"),
        PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "reads corpus and code, writes its results, nothing else"),
        *network(),
        *storage_resources(pretraining),
        PlannedResource("aws:sagemaker/trainingJob:TrainingJob", 1, "the job on all nodes, until it is over"),
        *(expiry(ends, "stops the job, deletes the file system") if pretraining.expires else ()),
    ]
    return StackPlan(
        resources=tuple(resources),
        costs=(*network_lines(pretraining), *storage_costs(pretraining)),
        sizing=(SizingLine("cluster: image", "PyTorch and CUDA", image), *storage_sizing(pretraining)),
        findings=(*check_cluster(pretraining), *check_storage(pretraining)),
    )


def code_files(pretraining: ResolvedPretraining) -> Iterator[PlannedResource]:
    """The launcher with what it reads; the same files whatever the number of nodes."""
    from llmstrat_iac.pretraining.cluster_files import render_cluster_job

    count = len(render_cluster_job(pretraining, f"{pretraining.identity}-1"))
    yield PlannedResource("aws:s3/bucketObjectv2:BucketObjectv2", count, "launcher, gate and configuration")


def network() -> Iterator[PlannedResource]:
    """What `components.cluster_network.ClusterNetwork` registers."""
    yield PlannedResource("llmstrat:cluster:Network", 1, "the component that owns the cluster's network")
    yield PlannedResource("llmstrat:ec2:Network", 1, "the component that owns subnets and routes")
    yield PlannedResource("aws:ec2/vpc:Vpc", 1, "a network of its own")
    yield PlannedResource("aws:ec2/subnet:Subnet", 2, "a private one in one zone, one for the NAT gateway")
    yield PlannedResource("aws:ec2/routeTable:RouteTable", 2, "routes")
    yield PlannedResource("aws:ec2/routeTableAssociation:RouteTableAssociation", 2, "routes of each subnet")
    yield PlannedResource("aws:ec2/vpcEndpoint:VpcEndpoint", 1, "S3 without the NAT gateway")
    yield PlannedResource("aws:ec2/internetGateway:InternetGateway", 1, "what the NAT gateway goes through")
    yield PlannedResource("aws:ec2/eip:Eip", 1, "the NAT gateway's address")
    yield PlannedResource("aws:ec2/natGateway:NatGateway", 1, "the way out; nothing gets in by it")
    yield PlannedResource("aws:ec2/route:Route", 2, "the way out")
    yield PlannedResource("aws:ec2/securityGroup:SecurityGroup", 1, "nodes and file system")
    yield PlannedResource("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", 1, "from the group itself only")
    yield PlannedResource("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", 2, "to itself; HTTPS out")


def expiry(schedules: int, what: str) -> Iterator[PlannedResource]:
    """What `components.expiry.create_expiry` registers."""
    yield PlannedResource("aws:scheduler/scheduleGroup:ScheduleGroup", 1, "of the cluster's end")
    yield PlannedResource("aws:scheduler/schedule:Schedule", schedules, f"{what} when the stack expires")
    yield PlannedResource("aws:iam/role:Role", 1, f"what {what} when the stack expires")
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "those calls and no others")


def network_lines(pretraining: ResolvedPretraining) -> Iterator[CostLine]:
    """The way out, by the hour; the S3 endpoint is free."""
    for item, name in (("NAT gateway", "nat-gateway-hour"), ("Public address of the NAT gateway", "public-ipv4-hour")):
        price = aws_price(name, pretraining.region)
        yield CostLine(f"{item} of the cluster", Basis.HOUR, 1, price.unit, price.usd, price.source, price.as_of)
