"""The `cluster.options:` of a Slurm cluster on HyperPod."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from llmstrat_iac.components.sagemaker.options import Image, RetentionDays
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.spec.units import Ttl

Ami = Annotated[str, Field(pattern=r"^ami-[0-9a-f]{8,17}$")]
Controller = Annotated[str, Field(pattern=r"^ml\.[cmrt]\d[a-z]*\.\w+$")]


class ClusterOptions(Closed):
    """The `cluster.options:` on `hyperpod`."""

    image: Image | None = Field(
        default=None, description="Container that trains, in ECR; AWS's PyTorch of a pinned version if unset."
    )
    ami: Ami | None = Field(default=None, description="HyperPod's machine image; its newest if unset.")
    controller: Controller = Field(
        default="ml.m5.2xlarge", description="Instance type of Slurm's controller, which has no GPU."
    )
    volume_gb: int = Field(
        default=500, ge=100, le=16_384, description="Encrypted volume a node, in GB, for images and caches."
    )
    deep_health_checks: bool = Field(
        default=True, description="Let HyperPod test GPUs, memory and network of each node before it takes a job."
    )
    replace_nodes: bool = Field(default=True, description="Let HyperPod reboot or replace a node that fails.")
    max_duration: Ttl | None = Field(
        default=None, description="After which the cluster stops; a quarter more than the plan's longest if unset."
    )
    idle_minutes: int = Field(
        default=120, ge=30, le=1440, description="Minutes without a new step after which the cluster stops."
    )
    log_retention_days: RetentionDays = Field(default=30, description="Days that CloudWatch keeps the job's log.")
    delete_when_over: bool = Field(
        default=True,
        description="Let the controller delete the cluster when the job is over, instead of waiting for `up` or `down`",
    )
