"""SageMaker AI as a runtime: training jobs that end by themselves, and endpoints that AWS keeps alive.

The light half: options, images, outline. What needs pulumi or boto3 is in `llmstrat_iac.components.sagemaker`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from llmstrat_iac.catalog.quotas import QuotaNeed, sagemaker_need
from llmstrat_iac.components.sagemaker.cluster_options import ClusterOptions
from llmstrat_iac.components.sagemaker.options import ServingOptions, TrainingOptions
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.hookspecs import hookimpl
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining, Runtime

if TYPE_CHECKING:
    from llmstrat_iac.catalog.aws_prices import AwsPrice
    from llmstrat_iac.catalog.instances import InstanceType
    from llmstrat_iac.plan import StackPlan
    from llmstrat_iac.pretraining import ResolvedPretraining

_HEAVY = "llmstrat_iac.components.sagemaker"


@hookimpl
def llmstrat_runtimes() -> Iterable[Runtime]:
    yield Runtime(
        name="sagemaker",
        title="Amazon SageMaker AI",
        training_options=TrainingOptions,
        serving_options=ServingOptions,
        instance_name=instance_name,
        price=_price,
        offers=_offers,
        surge=lambda replicas: replicas,
        quotas=_quotas,
        plan_training=_plan_training,
        plan_serving=_plan_serving,
        train=f"{_HEAVY}.training:train",
        serve=f"{_HEAVY}.endpoint:serve",
        health=f"{_HEAVY}.health:fleet_health",
        jobs=f"{_HEAVY}.jobs:open_jobs",
        permissions=f"{_HEAVY}.permissions:permissions",
        preflight=f"{_HEAVY}.preflight:preflight",
        sweep=f"{_HEAVY}.sweep:sweep",
        cluster_options=ClusterOptions,
        capacities=frozenset({"on-demand", "spot", "training-plan"}),
        market=f"{_HEAVY}.training_plans:jobs_market",
        plan_cluster=_plan_cluster,
        cluster=f"{_HEAVY}.cluster:cluster",
    )


def _quotas(use: str, instance: InstanceType, count: int, capacity: str) -> Iterable[QuotaNeed]:
    """A cluster is one training job of many instances."""
    job = "training" if use == "cluster" else use
    yield replace(sagemaker_need(instance, count, use=job, capacity=capacity), path=f"{use}.instance")


# Commands that plan nothing of a runtime's needn't load its outline.
def _price(name: str, region: str, use: str, capacity: str) -> AwsPrice:
    from llmstrat_iac.runtimes.sagemaker.outline import instance_price

    return instance_price(name, region, use, capacity)


def _offers(instance: str, use: str) -> bool:
    from llmstrat_iac.runtimes.sagemaker.checks import offers

    return offers(instance, use)


def _plan_training(training: ResolvedTraining) -> StackPlan:
    from llmstrat_iac.runtimes.sagemaker.outline import plan_training

    return plan_training(training)


def _plan_serving(serving: ResolvedServing) -> StackPlan:
    from llmstrat_iac.runtimes.sagemaker.outline import plan_serving

    return plan_serving(serving)


def _plan_cluster(pretraining: ResolvedPretraining) -> StackPlan:
    from llmstrat_iac.runtimes.sagemaker.cluster_outline import plan_cluster

    return plan_cluster(pretraining)
