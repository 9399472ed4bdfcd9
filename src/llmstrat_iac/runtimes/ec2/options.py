"""The `options:` of training, clusters and serving on EC2: what is rarely changed, and never by the model's choice."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from llmstrat_iac.components.ec2.images import TRAINING_IMAGE, is_private
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.spec.units import Ttl

Ami = Annotated[str, Field(pattern=r"^ami-[0-9a-f]{8,17}$")]
_IN_ECR = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.[^/]+/[^:@]+[:@]\S+$")


def _check_image(value: str) -> str:
    if is_private(value) and not _IN_ECR.match(value):
        raise ValueError("no image in ECR: write `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`")
    return value


Image = Annotated[str, Field(pattern=r"^\S+:\S+$", max_length=512), AfterValidator(_check_image)]
RetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]


class TrainingOptions(Closed):
    """The `options:` of a training on `ec2`."""

    ami: Ami | None = Field(
        default=None, description="Machine image; AWS's newest deep-learning AMI of the first `up` if unset."
    )
    image: Image = Field(default=TRAINING_IMAGE, description="Container that trains: CUDA, PyTorch and pip.")
    root_gb: int = Field(default=300, ge=100, le=16_000, description="Size of the encrypted root volume, in GB.")
    log_retention_days: RetentionDays = Field(default=30, description="Days that CloudWatch keeps the job's log.")


class ClusterOptions(Closed):
    """The `options:` of a cluster on `ec2`."""

    ami: Ami | None = Field(
        default=None, description="Machine image; AWS's newest deep-learning AMI of the first `up` if unset."
    )
    image: Image = Field(
        default=TRAINING_IMAGE, description="Container that trains: CUDA, PyTorch, EFA's libraries and pip."
    )
    root_gb: int = Field(default=500, ge=100, le=16_000, description="Size of each encrypted root volume, in GB.")
    max_duration: Ttl | None = Field(
        default=None,
        description="After which the cluster stops, wherever it is; if unset, a quarter after the plan's latest end.",
    )
    idle_minutes: int = Field(
        default=60,
        ge=15,
        le=1440,
        description="Minutes without a new step, from the start on, after which the cluster stops.",
    )
    log_retention_days: RetentionDays = Field(default=30, description="Days that CloudWatch keeps the nodes' log.")


class ServingOptions(Closed):
    """The `options:` of a fleet on `ec2`."""

    ami: Ami | None = Field(
        default=None, description="Machine image; AWS's newest deep-learning AMI of the first `up` if unset."
    )
    image: Image | None = Field(
        default=None,
        description="Container with vLLM; AWS's own, of a pinned version, if unset. CUDA must match the AMI.",
    )
    egress: Literal["auto", "nat", "none"] = Field(
        default="auto",
        description="Way out to the internet: a NAT gateway (`nat`) or AWS's own endpoints only (`none`, for weights "
        "in S3); `auto` takes `nat` for what comes from the hub.",
    )
    root_gb: int = Field(default=200, ge=100, le=16_000, description="Size of the encrypted root volume, in GB.")
    startup_seconds: int = Field(
        default=1800,
        ge=300,
        le=7200,
        description="How long an instance may take to pull the image and load the model before it counts as broken.",
    )
    log_retention_days: RetentionDays = Field(default=30, description="Days that CloudWatch keeps the engine's log.")
