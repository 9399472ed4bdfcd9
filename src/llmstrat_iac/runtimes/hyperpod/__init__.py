"""HyperPod as a runtime: a Slurm cluster that AWS keeps healthy, for training on many nodes. Serves nothing.

The light half: options, checks, outline. What needs pulumi or boto3 is in `llmstrat_iac.components.hyperpod`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmstrat_iac.catalog.quotas import QuotaNeed, sagemaker_need
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.hookspecs import hookimpl
from llmstrat_iac.open_model import Runtime
from llmstrat_iac.runtimes.hyperpod.options import ClusterOptions

if TYPE_CHECKING:
    from llmstrat_iac.catalog.aws_prices import AwsPrice
    from llmstrat_iac.catalog.instances import InstanceType
    from llmstrat_iac.catalog.pretraining.contract import Span
    from llmstrat_iac.plan import StackPlan
    from llmstrat_iac.pretraining import ResolvedPretraining

_HEAVY = "llmstrat_iac.components.hyperpod"


@hookimpl
def llmstrat_runtimes() -> Iterable[Runtime]:
    yield Runtime(
        name="hyperpod",
        title="Amazon SageMaker HyperPod",
        instance_name=instance_name,
        price=_price,
        quotas=_quotas,
        jobs=f"{_HEAVY}.jobs:open_jobs",
        permissions=f"{_HEAVY}.permissions:permissions",
        preflight=f"{_HEAVY}.preflight:preflight",
        sweep=f"{_HEAVY}.sweep:sweep",
        cluster_options=ClusterOptions,
        capacities=frozenset({"on-demand", "training-plan"}),
        market="llmstrat_iac.components.sagemaker.training_plans:clusters_market",
        plan_cluster=_plan_cluster,
        cluster=f"{_HEAVY}.cluster:cluster",
        starts_in=_start_hours,
    )


def _price(instance: str, region: str, _use: str, capacity: str) -> AwsPrice:
    """Unknown where the catalogue has no price of the type in clusters: EC2's and training jobs' aren't the same."""
    from llmstrat_iac.catalog.gpu_prices import sagemaker_price

    return sagemaker_price(instance, region, "cluster", capacity)


def _quotas(_use: str, instance: InstanceType, count: int, _capacity: str) -> Iterable[QuotaNeed]:
    """On demand whatever the capacity: HyperPod's Slurm clusters have no spot instances."""
    yield sagemaker_need(instance, count, use="cluster", capacity="on-demand")


# Commands that plan nothing of a runtime's needn't load its outline.
def _plan_cluster(pretraining: ResolvedPretraining) -> StackPlan:
    from llmstrat_iac.runtimes.hyperpod.outline import plan_cluster

    return plan_cluster(pretraining)


def _start_hours(pretraining: ResolvedPretraining) -> Span:
    from llmstrat_iac.runtimes.hyperpod.outline import start_hours

    return start_hours(pretraining)
