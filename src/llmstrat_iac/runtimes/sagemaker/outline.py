"""What training and serving on SageMaker will register and cost, and what can't work. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.aws_prices import AwsPrice, aws_price
from llmstrat_iac.catalog.gpu_prices import sagemaker_price
from llmstrat_iac.catalog.sagemaker_images import SERVING, TRAINING, image_uri
from llmstrat_iac.components.sagemaker.options import ServingOptions, TrainingOptions
from llmstrat_iac.components.sagemaker.shape import concurrency_target, copies_from_hub, scales
from llmstrat_iac.open_model.contract import ResolvedServing, ResolvedTraining
from llmstrat_iac.plan import Basis, CostLine, PlannedResource, SizingLine, StackPlan
from llmstrat_iac.runtimes.sagemaker.checks import check_serving, check_training
from llmstrat_iac.trainer import PACKAGE_FILES

CODE_FILES = 5 + len(PACKAGE_FILES)
"""Of a training: launcher with its modules, job, configuration of trainer and accelerate, requirements."""
_GB = 1e9


def instance_price(name: str, region: str, use: str, capacity: str) -> AwsPrice:
    """US dollars an hour. Managed spot is billed at a discount that AWS doesn't publish, so it is unknown."""
    return sagemaker_price(name, region, use, capacity)


def training_image(training: ResolvedTraining) -> str:
    """The container that trains."""
    options: TrainingOptions = training.options
    return options.image or image_uri(TRAINING, training.region)


def serving_image(serving: ResolvedServing) -> str:
    """The container that serves."""
    options: ServingOptions = serving.options
    return options.image or image_uri(SERVING, serving.region)


def plan_training(training: ResolvedTraining) -> StackPlan:
    """The job, what it reads, and its end."""
    data = 1 if training.validation is None else 2
    resources = [
        PlannedResource("aws:s3/bucketObjectv2:BucketObjectv2", CODE_FILES + data, "the trainer's files, the dataset"),
        PlannedResource("aws:iam/role:Role", 1, "what the job runs with"),
        PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "reads the job's files, writes its results, nothing else"),
        PlannedResource("aws:sagemaker/trainingJob:TrainingJob", 1, "the job, until it is over"),
        *(_expiry(1, "stops the job") if training.expires else ()),
    ]
    return StackPlan(
        resources=tuple(resources),
        sizing=(SizingLine("training: image", "PyTorch and CUDA", training_image(training)),),
        findings=tuple(check_training(training)),
    )


def plan_serving(serving: ResolvedServing) -> StackPlan:
    """The endpoint, what stands behind it, and its end."""
    return StackPlan(
        resources=tuple(_serving_resources(serving)),
        costs=tuple(_storage(serving)),
        sizing=(
            SizingLine(
                "serving: image", "vLLM and CUDA", f"{serving_image(serving)} on {serving.options.inference_ami}"
            ),
            *_scaling_note(serving),
        ),
        findings=tuple(check_serving(serving, serving_image(serving))),
    )


def _serving_resources(serving: ResolvedServing) -> Iterator[PlannedResource]:
    block, component = serving.block, serving.options.scale_to_zero
    copied = copies_from_hub(serving)
    roles = 2 if copied else 1
    yield PlannedResource("aws:iam/role:Role", roles, "what the engine, and the copying of weights, run with")
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", roles, "reads the weights, writes the log, nothing else")
    if copied:
        yield PlannedResource("aws:s3/bucketObjectv2:BucketObjectv2", 2, "what copies weights from the hub to S3")
        yield PlannedResource("pulumi-python:dynamic/llmstrat:HubCopy", 1, "the weights in S3")
    yield PlannedResource("aws:cloudwatch/logGroup:LogGroup", 1, "the engine's log")
    yield PlannedResource("aws:sagemaker/model:Model", 1, "container and weights")
    yield PlannedResource("aws:sagemaker/endpointConfiguration:EndpointConfiguration", 1, "instances and timeouts")
    if block.paused:
        return
    yield PlannedResource("aws:sagemaker/endpoint:Endpoint", 1, "serves, and bills by the hour")
    if component:
        yield PlannedResource("aws:cloudcontrol/resource:Resource", 1, "the inference component")
        yield PlannedResource("aws:cloudwatch/metricAlarm:MetricAlarm", 1, "wakes it up")
    if scales(serving):
        yield PlannedResource("aws:appautoscaling/target:Target", 1, "between how many replicas")
        yield PlannedResource("aws:appautoscaling/policy:Policy", 2 if component else 1, "when one is added")
    if block.hours is not None and component:
        yield PlannedResource("aws:appautoscaling/scheduledAction:ScheduledAction", 2, "starts and stops it")
    if serving.expires:
        yield from _expiry(2 if component else 1, "deletes the endpoint")


def _expiry(schedules: int, what: str) -> Iterator[PlannedResource]:
    yield PlannedResource("aws:scheduler/scheduleGroup:ScheduleGroup", 1, "of the stack's end")
    yield PlannedResource("aws:scheduler/schedule:Schedule", schedules, f"{what} when the stack expires")
    yield PlannedResource("aws:iam/role:Role", 1, f"what {what} when the stack expires")
    yield PlannedResource("aws:iam/rolePolicy:RolePolicy", 1, "that call and no other")


def _storage(serving: ResolvedServing) -> Iterator[CostLine]:
    """Keeping the copied weights, in 16 bits as they are published."""
    if serving.model.block.in_s3:
        return
    size = serving.model.known.architecture.parameters * 2 / _GB
    price = aws_price("s3-storage", serving.region)
    yield CostLine("S3: the model's weights", Basis.MONTH, size, price.unit, price.usd, price.source, price.as_of)


def _scaling_note(serving: ResolvedServing) -> Iterator[SizingLine]:
    if not scales(serving):
        return
    yield SizingLine(
        "a replica is added",
        f"above {concurrency_target(serving):g} requests at once each",
        "SageMaker counts requests, running and waiting; it doesn't see the engine's cache",
    )
