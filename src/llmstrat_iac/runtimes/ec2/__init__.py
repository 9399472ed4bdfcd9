"""EC2 as a runtime: training on an instance or a cluster that ends itself, serving by a group behind an internal ALB.

The light half: options, outline, prices. What needs pulumi or boto3 is in `llmstrat_iac.components.ec2`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from llmstrat_iac.catalog.quotas import ec2_need
from llmstrat_iac.hookspecs import hookimpl
from llmstrat_iac.open_model import Runtime
from llmstrat_iac.runtimes.ec2.cluster import plan_cluster
from llmstrat_iac.runtimes.ec2.costs import instance_price
from llmstrat_iac.runtimes.ec2.options import ClusterOptions, ServingOptions, TrainingOptions
from llmstrat_iac.runtimes.ec2.outline import plan_serving, plan_training

_HEAVY = "llmstrat_iac.components.ec2"


@hookimpl
def llmstrat_runtimes() -> Iterable[Runtime]:
    yield Runtime(
        name="ec2",
        title="Amazon EC2",
        training_options=TrainingOptions,
        serving_options=ServingOptions,
        instance_name=lambda name: name,
        price=instance_price,
        surge=lambda replicas: math.ceil(replicas / 10),
        quotas=lambda use, instance, count, capacity: [ec2_need(use, instance, count, capacity)],
        plan_training=plan_training,
        plan_serving=plan_serving,
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
        plan_cluster=plan_cluster,
        cluster=f"{_HEAVY}.cluster:cluster",
        wakes=False,
    )
