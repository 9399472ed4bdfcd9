"""SageMaker AI as a runtime: training jobs that end by themselves, and endpoints that AWS keeps alive.

The light half: options, images, outline. What needs pulumi or boto3 is in `llmstrat_iac.components.sagemaker`.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.quotas import sagemaker_need
from llmstrat_iac.components.sagemaker.options import ServingOptions, TrainingOptions
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.hookspecs import hookimpl
from llmstrat_iac.open_model import Runtime
from llmstrat_iac.runtimes.sagemaker.outline import instance_price, plan_serving, plan_training

_HEAVY = "llmstrat_iac.components.sagemaker"


@hookimpl
def llmstrat_runtimes() -> Iterable[Runtime]:
    yield Runtime(
        name="sagemaker",
        title="Amazon SageMaker AI",
        training_options=TrainingOptions,
        serving_options=ServingOptions,
        instance_name=instance_name,
        price=instance_price,
        quotas=lambda use, instance, count, capacity: [sagemaker_need(instance, count, use=use, capacity=capacity)],
        plan_training=plan_training,
        plan_serving=plan_serving,
        train=f"{_HEAVY}.training:train",
        serve=f"{_HEAVY}.endpoint:serve",
        health=f"{_HEAVY}.health:fleet_health",
        jobs=f"{_HEAVY}.jobs:open_jobs",
        permissions=f"{_HEAVY}.permissions:permissions",
        preflight=f"{_HEAVY}.preflight:preflight",
        sweep=f"{_HEAVY}.sweep:sweep",
    )
