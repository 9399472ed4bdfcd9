"""What a multi-node training job on SageMaker will register and cost, and what can't work. Pure.

Nothing here grows with the number of nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.sagemaker_images import TRAINING, image_uri
from llmstrat_iac.components.sagemaker.cluster_options import ClusterOptions
from llmstrat_iac.plan import PlannedResource, SizingLine, StackPlan
from llmstrat_iac.pretraining.contract import ResolvedPretraining
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
from llmstrat_iac.runtimes.sagemaker.cluster_checks import check_cluster


def plan_cluster(pretraining: ResolvedPretraining) -> StackPlan:
    """The job, its network and its file system, what it reads, and its end."""
    if pretraining.search.best is None:  # the strategy says so
        return StackPlan(resources=(), findings=tuple(check_cluster(pretraining)))
    options: ClusterOptions = pretraining.options
    image = options.image or image_uri(TRAINING, pretraining.region)
    ends = 2 if has_file_system(pretraining) else 1
    network = tuple(network_lines("cluster", pretraining.region, "nat"))
    resources = [
        *code_files(pretraining),
        PlannedResource("aws:iam/role:Role", 1, "what the job runs with"),
        PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "reads corpus and code, writes its results, nothing else"),
        *cluster_network_resources(),
        *storage_resources(pretraining),
        PlannedResource("aws:sagemaker/trainingJob:TrainingJob", 1, "the job on all nodes, until it is over"),
        *(expiry(ends, "stops the job, deletes the file system") if pretraining.expires else ()),
    ]
    return StackPlan(
        resources=tuple(resources),
        costs=(*network, *storage_costs(pretraining)),
        sizing=(SizingLine("cluster: image", "PyTorch and CUDA", image), *storage_sizing(pretraining)),
        findings=(*check_cluster(pretraining), *check_storage(pretraining), *what_bills_on(pretraining, network)),
    )


def code_files(pretraining: ResolvedPretraining) -> Iterator[PlannedResource]:
    """The launcher with what it reads; the same files whatever the number of nodes."""
    from llmstrat_iac.pretraining.cluster_files import render_cluster_job

    count = len(render_cluster_job(pretraining, f"{pretraining.identity}-1"))
    yield PlannedResource("aws:s3/bucketObjectv2:BucketObjectv2", count, "launcher, gate and configuration")


def expiry(schedules: int, what: str) -> Iterator[PlannedResource]:
    """What `components.expiry.create_expiry` registers."""
    yield PlannedResource("aws:scheduler/scheduleGroup:ScheduleGroup", 1, "of the cluster's end")
    yield PlannedResource("aws:scheduler/schedule:Schedule", schedules, f"{what} when the stack expires")
    yield PlannedResource("aws:iam/role:Role", 1, f"what {what} when the stack expires")
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "those calls and no others")
