"""What whoever deploys must be allowed to do in SageMaker, beside what all strategies need.

From the API calls of each type in the AWS provider and the Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.sagemaker_images import COPYING, SERVING, TRAINING
from llmstrat_iac.components.ec2.permissions import network_permissions
from llmstrat_iac.components.file_system_permissions import file_system_statements
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.names import ENDPOINT_LOGS, TRAINING_LOG, SageMakerNames
from llmstrat_iac.components.sagemaker.roles import parse_image
from llmstrat_iac.components.sagemaker.shape import copies_from_hub, scales
from llmstrat_iac.hookspecs import IamStatement, ResolvedSpec
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.storage import has_file_system

_SAGEMAKER = "arn:{partition}:sagemaker:{region}:{account}:"
_LOGS = "arn:{partition}:logs:{region}:{account}:log-group:"


def permissions(resolved: ResolvedSpec) -> Iterator[IamStatement]:
    """The statements for the parts of the spec that run on SageMaker."""
    training = resolved.open_model.training if resolved.open_model else None
    serving = resolved.open_model.serving if resolved.open_model else None
    pretraining = resolved.pretraining
    yield _statement(
        "sagemaker",
        "ListEndpointConfigs ListEndpoints ListInferenceComponents ListModels ListTrainingJobs",
        ("*",),
        "finding jobs and endpoints again; the calls take no resource",
    )
    if training is not None and training.runtime.name == "sagemaker":
        yield from _training(training)
    if serving is not None and serving.runtime.name == "sagemaker":
        yield from _serving(serving)
    if pretraining is not None and pretraining.runtime.name == "sagemaker":
        yield from _cluster(pretraining)


def _training(training: ResolvedTraining) -> Iterator[IamStatement]:
    yield from _training_jobs(training.stack_name)
    yield _image(training.options.image or resolve(TRAINING, training.region))


def _training_jobs(stack_name: str) -> Iterator[IamStatement]:
    yield _jobs(f"{stack_name}-*", "the training job")
    yield _statement(
        "logs",
        "FilterLogEvents",
        (f"{_LOGS}{TRAINING_LOG}:*",),
        "the job's log; all jobs of the account share one group",
    )


def _serving(serving: ResolvedServing) -> Iterator[IamStatement]:
    names = SageMakerNames(serving.stack_name)
    kinds = {
        "model": ("Model", names.prefix + "-*"),
        "endpoint-config": ("EndpointConfig", names.prefix + "-*"),
        "endpoint": ("Endpoint", names.endpoint),
    }
    for kind, (word, name) in kinds.items():
        actions = f"AddTags Create{word} Delete{word} DeleteTags Describe{word} ListTags"
        yield _statement(
            "sagemaker",
            actions + (" UpdateEndpoint" if word == "Endpoint" else ""),
            (f"{_SAGEMAKER}{kind}/{name}", *_beside(word, names)),
            f"the endpoint's {kind}",
        )
    groups = tuple(f"{_LOGS}{name}*" for name in (ENDPOINT_LOGS + names.endpoint, names.component_log))
    yield _statement(
        "logs",
        "CreateLogGroup DeleteLogGroup DeleteRetentionPolicy FilterLogEvents ListTagsForResource PutRetentionPolicy "
        "TagResource UntagResource",
        groups,
        "the endpoint's log",
    )
    yield _image(serving.options.image or resolve(SERVING, serving.region))
    if copies_from_hub(serving):
        yield _jobs(f"{names.copy_jobs}-*", "copying the model from the hub")
        yield _image(resolve(COPYING, serving.region))
    if serving.options.scale_to_zero:
        yield from _component(names)
    if scales(serving):
        yield from _scaling(names)


def _beside(word: str, names: SageMakerNames) -> tuple[str, ...]:
    """Creating and updating an endpoint is authorized on its configuration, too."""
    return (f"{_SAGEMAKER}endpoint-config/{names.prefix}-*",) if word == "Endpoint" else ()


def _component(names: SageMakerNames) -> Iterator[IamStatement]:
    yield _statement(
        "sagemaker",
        "AddTags CreateInferenceComponent DeleteInferenceComponent DeleteTags DescribeInferenceComponent ListTags "
        "UpdateInferenceComponent UpdateInferenceComponentRuntimeConfig",
        (f"{_SAGEMAKER}inference-component/{names.component}", f"{_SAGEMAKER}endpoint/{names.endpoint}"),
        "the inference component, which scales to zero",
    )
    yield _statement(
        "cloudformation",
        "CreateResource DeleteResource GetResource GetResourceRequestStatus UpdateResource",
        ("*",),
        "Cloud Control, which knows inference components; its calls take no resource",
    )


def _scaling(names: SageMakerNames) -> Iterator[IamStatement]:
    yield _statement(
        "application-autoscaling",
        "DeleteScalingPolicy DeleteScheduledAction DeregisterScalableTarget ListTagsForResource PutScalingPolicy "
        "PutScheduledAction RegisterScalableTarget TagResource UntagResource",
        ("arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/*",),
        "how the endpoint scales; ids are chosen by AWS",
    )
    yield _statement(
        "application-autoscaling",
        "DescribeScalableTargets DescribeScalingPolicies DescribeScheduledActions",
        ("*",),
        "reading how it scales; the calls take no resource",
    )
    yield _statement(
        "iam",
        "CreateServiceLinkedRole",
        (
            "arn:{partition}:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        ),
        "the role by which AWS scales endpoints, once an account",
    )
    yield _statement(
        "sagemaker",
        "DescribeEndpoint DescribeEndpointConfig DescribeInferenceComponent UpdateEndpointWeightsAndCapacities "
        "UpdateInferenceComponentRuntimeConfig",
        (
            f"{_SAGEMAKER}endpoint/{names.endpoint}",
            f"{_SAGEMAKER}endpoint-config/{names.prefix}-*",
            f"{_SAGEMAKER}inference-component/{names.component}",
        ),
        "registering the endpoint for scaling is authorized as scaling it",
    )


def _jobs(name: str, reason: str) -> IamStatement:
    return _statement(
        "sagemaker",
        "AddTags CreateTrainingJob DeleteTags DeleteTrainingJob DescribeTrainingJob ListTags StopTrainingJob",
        (f"{_SAGEMAKER}training-job/{name}",),
        reason,
    )


def _cluster(pretraining: ResolvedPretraining) -> Iterator[IamStatement]:
    names = SageMakerNames(pretraining.stack_name)
    yield from _training_jobs(pretraining.stack_name)
    yield _image(pretraining.options.image or resolve(TRAINING, pretraining.region))
    yield from cluster_surroundings(pretraining, names.cluster)
    yield from training_plan(pretraining, "CreateTrainingJob")


def training_plan(pretraining: ResolvedPretraining, creation: str) -> Iterator[IamStatement]:
    """Reading the plan that the spec names, and creating on its instances. Buying isn't part of deploying.

    https://docs.aws.amazon.com/sagemaker/latest/dg/training-plan-iam-permissions.html
    """
    if pretraining.cluster.capacity != "training-plan":
        return
    plan = pretraining.cluster.reservation or f"{_SAGEMAKER}training-plan/*"
    yield _statement("sagemaker", "DescribeTrainingPlan", (plan,), "the training plan")
    used = (plan, f"{_SAGEMAKER}reserved-capacity/*")
    yield _statement("sagemaker", creation, used, "what the plan reserves; ids are chosen by SageMaker")


def cluster_surroundings(pretraining: ResolvedPretraining, name: str) -> Iterator[IamStatement]:
    """Network and file system of a cluster that SageMaker runs."""
    yield from network_permissions(nat=True)
    # For network interfaces that a job has left.
    interfaces = ("arn:{partition}:ec2:{region}:{account}:network-interface/*",)
    yield _statement(
        "ec2", "DeleteNetworkInterface DetachNetworkInterface", interfaces, "what jobs leave in the network"
    )
    if has_file_system(pretraining):
        yield from file_system_statements(name)


def _image(uri: str) -> IamStatement:
    image = parse_image(uri)
    return _statement("ecr", "BatchGetImage", (image.arn,), f"whether the container {image.repository} is there")


def _statement(service: str, operations: str, resources: tuple[str, ...], reason: str) -> IamStatement:
    return IamStatement(tuple(f"{service}:{operation}" for operation in operations.split()), resources, reason)
