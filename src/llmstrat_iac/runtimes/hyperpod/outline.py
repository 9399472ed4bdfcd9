"""What a Slurm cluster on HyperPod will register and cost beside its workers, and what can't work. Pure.

Nothing here grows with the number of nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.gpu_prices import sagemaker_price
from llmstrat_iac.catalog.pretraining.contract import Span
from llmstrat_iac.catalog.sagemaker_images import TRAINING, image_uri
from llmstrat_iac.components.hyperpod.lifecycle import FILES
from llmstrat_iac.plan import Basis, CostLine, Finding, PlannedResource, Severity, SizingLine, StackPlan
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.pretraining.gate_job import START_HOURS
from llmstrat_iac.pretraining.storage import (
    check_storage,
    has_file_system,
    storage_costs,
    storage_resources,
    storage_sizing,
    what_bills_on,
)
from llmstrat_iac.runtimes.ec2.cluster import cluster_network_resources
from llmstrat_iac.runtimes.ec2.costs import network_lines
from llmstrat_iac.runtimes.hyperpod.options import ClusterOptions
from llmstrat_iac.runtimes.sagemaker.cluster_checks import check_training_plan
from llmstrat_iac.runtimes.sagemaker.cluster_outline import code_files, expiry

NOT_IN_CLUSTERS = frozenset({"g4dn.metal", "p3.16xlarge", "p3.2xlarge", "p3.8xlarge", "p3dn.24xlarge"})
"""Of the catalogue's types, what SageMaker's API doesn't list; a test compares them with botocore's enumeration."""
DEEP_CHECK_HOURS = Span(1.0, 1.5, 2.0)
"""Ours, since AWS states none: DCGM's longest level and NCCL between nodes. A quarter of an hour is the level below's:
https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-hyperpod-resiliency-slurm-deep-health-checks.html and
https://docs.nvidia.com/datacenter/dcgm/latest/reference/command-line-reference/dcgmi/dcgmi-diag.html"""
MAX_INSTANCES = 6758
"""SageMaker's API: ClusterInstanceGroupSpecification.InstanceCount."""


def plan_cluster(pretraining: ResolvedPretraining) -> StackPlan:
    """Cluster, network and file system, what they read, and their end."""
    if pretraining.search.best is None:  # the strategy says so
        return StackPlan(resources=(), findings=tuple(_check(pretraining)))
    options: ClusterOptions = pretraining.options
    image = options.image or image_uri(TRAINING, pretraining.region)
    ends = 2 if has_file_system(pretraining) else 1
    network = tuple(network_lines("cluster", pretraining.region, "nat"))
    resources = [
        PlannedResource("llmstrat:hyperpod:Cluster", 1, "the component that owns everything of the job"),
        *code_files(pretraining),
        PlannedResource("aws:s3/bucketObjectv2:BucketObjectv2", len(FILES), "what the nodes begin with"),
        PlannedResource("aws:iam/role:Role", 2, "what controller and workers run with"),
        PlannedResource("aws:iam/rolePolicy:RolePolicy", 2, "reads corpus and code, writes its results, nothing else"),
        *cluster_network_resources(),
        *storage_resources(pretraining),
        PlannedResource("aws:cloudcontrol/resource:Resource", 1, "the Slurm cluster, until the job is over"),
        PlannedResource("aws:cloudwatch/logGroup:LogGroup", 1, "the job's log; stays when the job is over"),
        *(expiry(ends, "deletes cluster and file system") if ends_from_outside(pretraining) else ()),
    ]
    return StackPlan(
        resources=tuple(resources),
        costs=(
            *_controller(pretraining),
            *network,
            *storage_costs(pretraining),
        ),
        sizing=(SizingLine("cluster: image", "PyTorch and CUDA", image), *storage_sizing(pretraining)),
        findings=(*_check(pretraining), *check_storage(pretraining), *what_bills_on(pretraining, network)),
    )


def start_hours(pretraining: ResolvedPretraining) -> Span:
    """From the nodes' first bill to the launcher's start: the deep health checks come before it."""
    if not pretraining.options.deep_health_checks:
        return START_HOURS
    checks = DEEP_CHECK_HOURS
    return Span(START_HOURS.low + checks.low, START_HOURS.likely + checks.likely, START_HOURS.high + checks.high)


def ends_from_outside(pretraining: ResolvedPretraining) -> bool:
    """Whether a schedule ends it: by the job's own time, which for a training plan nobody knows, or by the TTL."""
    return pretraining.expires or pretraining.cluster.capacity != "training-plan"


def _controller(pretraining: ResolvedPretraining) -> Iterator[CostLine]:
    options: ClusterOptions = pretraining.options
    price = sagemaker_price(options.controller, pretraining.region, "cluster")
    item = f"Slurm's controller, {options.controller}"
    yield CostLine(item, Basis.HOUR, 1, price.unit, price.usd, price.source, price.as_of)


def _check(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    best, options = pretraining.search.best, pretraining.options
    if best is not None and best.instance.name in NOT_IN_CLUSTERS:
        yield Finding(
            "hyperpod.instance",
            Severity.ERROR,
            "cluster.instance",
            f"HyperPod has no `ml.{best.instance.name}`",
            reason="not every EC2 type is offered for clusters",
            remedy="name another in `cluster.instance`, or use `runtime: ec2`",
        )
    if best is not None and best.nodes + pretraining.cluster.spare_nodes > MAX_INSTANCES:
        yield Finding(
            "hyperpod.size",
            Severity.ERROR,
            "cluster.nodes",
            f"{best.nodes + pretraining.cluster.spare_nodes} instances, and a group takes {MAX_INSTANCES}",
            reason="one group keeps plan and state small",
            remedy="take fewer nodes, or more GPUs a node",
        )
    yield from check_training_plan(pretraining)
    if not options.delete_when_over:
        yield Finding(
            "hyperpod.idle",
            Severity.WARNING,
            "cluster.options.delete_when_over",
            "the cluster bills on when the job is over, until the next `up`, `down`, or the end of the TTL",
            reason="HyperPod's instances belong to the cluster, not to the job",
            remedy="leave it out, so that the controller deletes the cluster",
        )
    if not options.replace_nodes and not pretraining.cluster.spare_nodes:
        yield Finding(
            "hyperpod.recovery",
            Severity.WARNING,
            "cluster.options.replace_nodes",
            "a node that fails isn't replaced, and there is no spare one: the job waits",
            reason="all nodes bill while it waits",
            remedy="leave `replace_nodes` out, or have `spare_nodes`",
        )
