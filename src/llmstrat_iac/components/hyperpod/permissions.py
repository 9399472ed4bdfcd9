"""What whoever deploys must be allowed to do for a HyperPod cluster, beside what all strategies need.

From the handlers of `AWS::SageMaker::Cluster` and the Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.sagemaker_images import TRAINING
from llmstrat_iac.components.hyperpod.names import CLUSTER_LOGS, HyperPodNames
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.permissions import cluster_surroundings, training_plan
from llmstrat_iac.components.sagemaker.roles import parse_image
from llmstrat_iac.hookspecs import IamStatement, ResolvedSpec

_CLUSTERS = "arn:{partition}:sagemaker:{region}:{account}:cluster/*"
_SERVICE_ROLE = (
    "arn:{partition}:iam::{account}:role/aws-service-role/hyperpod.sagemaker.amazonaws.com/"
    "AWSServiceRoleForSageMakerHyperPod"
)


def permissions(resolved: ResolvedSpec) -> Iterator[IamStatement]:
    """The statements for the cluster."""
    pretraining = resolved.pretraining
    assert pretraining is not None, "only asked for specs with `cluster:`"
    names = HyperPodNames(pretraining.stack_name)
    image = parse_image(pretraining.options.image or resolve(TRAINING, pretraining.region))
    logs = "arn:{partition}:logs:{region}:{account}:log-group:" + f"{CLUSTER_LOGS}{names.cluster}-*"
    yield _statement(
        "sagemaker",
        "AddTags BatchDeleteClusterNodes CreateCluster DeleteCluster DeleteTags DescribeCluster DescribeClusterNode "
        "ListClusterNodes ListTags UpdateCluster UpdateClusterSoftware",
        (_CLUSTERS,),
        "the cluster; ids are chosen by SageMaker",
    )
    yield _statement("sagemaker", "ListClusters", ("*",), "finding clusters again; the call takes no resource")
    yield _statement(
        "cloudformation",
        "CreateResource DeleteResource GetResource GetResourceRequestStatus UpdateResource",
        ("*",),
        "Cloud Control, which knows clusters; its calls take no resource",
    )
    yield _statement("iam", "CreateServiceLinkedRole", (_SERVICE_ROLE,), "AWS's own role for clusters, once an account")
    yield _statement("logs", "DeleteLogGroup FilterLogEvents", (logs,), "what HyperPod writes of its nodes' start")
    yield _statement("ecr", "BatchGetImage", (image.arn,), f"whether the container {image.repository} is there")
    yield from cluster_surroundings(pretraining, names.cluster)
    yield from training_plan(pretraining, "CreateCluster UpdateCluster")


def _statement(service: str, operations: str, resources: tuple[str, ...], reason: str) -> IamStatement:
    return IamStatement(tuple(f"{service}:{operation}" for operation in operations.split()), resources, reason)
