"""What AWS says of a spec's SageMaker parts before they start: whether the containers are there.

Quotas and permissions are asked for all runtimes together; instance types are compared at `plan`.
"""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from llmstrat_iac.catalog.sagemaker_images import COPYING, SERVING, TRAINING
from llmstrat_iac.components.leftovers import explain
from llmstrat_iac.components.sagemaker.cluster_preflight import check_cluster
from llmstrat_iac.components.sagemaker.images import resolve
from llmstrat_iac.components.sagemaker.roles import EcrImage, parse_image
from llmstrat_iac.components.sagemaker.shape import copies_from_hub
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Severity

_RULE = "aws.sagemaker.image"


def preflight(resolved: ResolvedSpec, session: AwsSession) -> Iterator[Finding]:
    """Yield a finding for each container that isn't there, or can't be asked for."""
    for path, uri in _images(resolved):
        yield from check_image(path, parse_image(uri), session)
    pretraining = resolved.pretraining
    if pretraining is not None and pretraining.runtime.name == "sagemaker":
        yield from check_cluster(resolved, session)


def _images(resolved: ResolvedSpec) -> Iterator[tuple[str, str]]:
    training = resolved.open_model.training if resolved.open_model else None
    serving = resolved.open_model.serving if resolved.open_model else None
    pretraining = resolved.pretraining
    if training is not None and training.runtime.name == "sagemaker":
        yield "training.options.image", training.options.image or resolve(TRAINING, training.region)
    if serving is not None and serving.runtime.name == "sagemaker":
        yield "serving.options.image", serving.options.image or resolve(SERVING, serving.region)
        if copies_from_hub(serving):
            yield "model.id", resolve(COPYING, serving.region)
    if pretraining is not None and pretraining.runtime.name == "sagemaker":
        yield "cluster.options.image", pretraining.options.image or resolve(TRAINING, pretraining.region)


def check_image(path: str, image: EcrImage, session: AwsSession, *, rule: str = _RULE) -> Iterator[Finding]:
    """A finding if ECR hasn't got the image, or doesn't say."""
    reference = {"imageDigest": image.tag} if image.tag.startswith("sha256:") else {"imageTag": image.tag}
    try:
        answer = session.client("ecr").batch_get_image(
            registryId=image.account, repositoryName=image.repository, imageIds=[reference]
        )
        missing = [failure.get("failureReason", "") for failure in answer.get("failures") or ()]
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            yield Finding(
                rule,
                Severity.WARNING,
                path,
                f"unknown: whether ECR has {image.repository}:{image.tag} ({explain(error)})",
                remedy="allow ecr:BatchGetImage on it",
            )
            return
        missing = [explain(error)]
    if missing:
        yield Finding(
            rule,
            Severity.ERROR,
            path,
            f"ECR's registry {image.account} has no {image.repository}:{image.tag}: {missing[0]}",
            reason="the instances would be started, and fail then",
            remedy="name an image that exists, in the stack's region",
        )
