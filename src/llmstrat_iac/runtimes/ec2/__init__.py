"""EC2 as a runtime: training on an instance or a cluster that ends itself, serving by a group behind an internal ALB.

The light half: options, outline, prices. What needs pulumi or boto3 is in `llmstrat_iac.components.ec2`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmstrat_iac.catalog.quotas import ec2_need
from llmstrat_iac.hookspecs import hookimpl
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining, Runtime
from llmstrat_iac.runtimes.ec2.options import ClusterOptions, ServingOptions, TrainingOptions

if TYPE_CHECKING:
    from llmstrat_iac.catalog.aws_prices import AwsPrice
    from llmstrat_iac.plan import StackPlan
    from llmstrat_iac.pretraining import ResolvedPretraining

_HEAVY = "llmstrat_iac.components.ec2"


@hookimpl
def llmstrat_runtimes() -> Iterable[Runtime]:
    yield Runtime(
        name="ec2",
        title="Amazon EC2",
        training_options=TrainingOptions,
        serving_options=ServingOptions,
        instance_name=lambda name: name,
        price=_price,
        surge=lambda replicas: math.ceil(replicas / 10),
        quotas=lambda use, instance, count, capacity: [ec2_need(use, instance, count, capacity)],
        plan_training=_plan_training,
        plan_serving=_plan_serving,
        train=f"{_HEAVY}.training:train",
        serve=f"{_HEAVY}.serving:serve",
        health=f"{_HEAVY}.health:fleet_health",
        jobs=f"{_HEAVY}.jobs:open_jobs",
        permissions=f"{_HEAVY}.permissions:permissions",
        preflight=f"{_HEAVY}.preflight:preflight",
        sweep=f"{_HEAVY}.sweep:sweep",
        cluster_options=ClusterOptions,
        capacities=frozenset({"on-demand", "spot", "capacity-block", "reservation"}),
        market=f"{_HEAVY}.capacity_blocks:CapacityBlocks",
        plan_cluster=_plan_cluster,
        cluster=f"{_HEAVY}.cluster:cluster",
        wakes=False,
    )


# Commands that plan nothing of a runtime's needn't load its outline.
def _price(instance: str, region: str, use: str, capacity: str) -> AwsPrice:
    from llmstrat_iac.runtimes.ec2.costs import instance_price

    return instance_price(instance, region, use, capacity)


def _plan_training(training: ResolvedTraining) -> StackPlan:
    from llmstrat_iac.runtimes.ec2.outline import plan_training

    return plan_training(training)


def _plan_serving(serving: ResolvedServing) -> StackPlan:
    from llmstrat_iac.runtimes.ec2.outline import plan_serving

    return plan_serving(serving)


def _plan_cluster(pretraining: ResolvedPretraining) -> StackPlan:
    from llmstrat_iac.runtimes.ec2.cluster import plan_cluster

    return plan_cluster(pretraining)
