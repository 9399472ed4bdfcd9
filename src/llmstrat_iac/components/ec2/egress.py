"""Whether a fleet needs a way out to the internet, and what it reaches AWS by if it has none."""

from __future__ import annotations

from typing import Literal

from llmstrat_iac.catalog.sagemaker_images import registry
from llmstrat_iac.components.ec2.images import PUBLIC_IMAGES, SERVING_IMAGE, is_private
from llmstrat_iac.open_model import ResolvedServing

NETWORK_ENDPOINTS = (
    "autoscaling",  # the instance reports its own failure and completes its end
    "ecr.api",  # log in to the private registry; the image's layers themselves come from S3
    "ecr.dkr",  # its manifests
    "logs",  # the engine's log
    "monitoring",  # the metrics that the fleet scales on
    "ssm",  # a shell without SSH: registration
    "ssmmessages",  # a shell without SSH: the session itself
)
"""Interface endpoints of a network without a NAT gateway. No `secretsmanager`: only the hub asks for a token."""


def serving_egress(serving: ResolvedServing) -> Literal["nat", "none"]:
    """`nat` if anything comes from the hub or a public registry, `none` if all is in S3; or what the spec says."""
    options = serving.options
    wanted: Literal["auto", "nat", "none"] = options.egress
    if wanted != "auto":
        return wanted
    sources = (serving.model.block.id, *(adapter.source for adapter in serving.block.adapters))
    in_s3 = all(source.startswith("s3://") for source in sources)
    return "none" if in_s3 and (options.image is None or is_private(options.image)) else "nat"


def serving_image(serving: ResolvedServing) -> str:
    """The container: the spec's, or AWS's from where the network reaches it."""
    if serving.options.image is not None:
        return str(serving.options.image)
    if serving_egress(serving) == "nat":
        return f"{PUBLIC_IMAGES}/{SERVING_IMAGE}"
    return f"{registry(serving.region)}.dkr.ecr.{serving.region}.amazonaws.com/{SERVING_IMAGE}"
