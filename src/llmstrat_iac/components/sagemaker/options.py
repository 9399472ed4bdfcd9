"""The `options:` of training and serving on SageMaker: what is rarely changed, and never by the model's choice."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from llmstrat_iac.spec.common import Closed
from llmstrat_iac.spec.units import Ttl

_ECR = r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/\S+[:@]\S+$"
Image = Annotated[str, Field(pattern=_ECR, max_length=255)]
InferenceAmi = Literal[
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2023-ami-sagemaker-inference-gpu-4-1",
]
RetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]


class TrainingOptions(Closed):
    """The `options:` of a training on `sagemaker`."""

    image: Image | None = Field(
        default=None, description="Container that trains, in ECR; AWS's PyTorch of a pinned version if unset."
    )
    volume_gb: int = Field(
        default=300, ge=50, le=16_000, description="Encrypted volume, in GB; types with NVMe disks use those instead."
    )
    spot_wait: Ttl = Field(
        default="24h",
        validate_default=True,
        description="How long a `spot` job may wait for capacity, on top of `max_duration`.",
    )


class ServingOptions(Closed):
    """The `options:` of an endpoint on `sagemaker`."""

    image: Image | None = Field(
        default=None, description="Container with vLLM, in ECR; AWS's own of a pinned version if unset."
    )
    inference_ami: InferenceAmi = Field(
        default="al2023-ami-sagemaker-inference-gpu-4-1",
        description="SageMaker's host image: its NVIDIA driver must be new enough for the container's CUDA.",
    )
    scale_to_zero: bool = Field(
        default=False,
        description="Serve by an inference component, which can have no instance at all: for `replicas.min: 0` and "
        "`hours`. Calls fail for minutes while it wakes up.",
    )
    log_retention_days: RetentionDays = Field(default=30, description="Days that CloudWatch keeps the engine's log.")
