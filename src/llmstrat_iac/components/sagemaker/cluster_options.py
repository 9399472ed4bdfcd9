"""The `cluster.options:` of a multi-node training job on SageMaker."""

from __future__ import annotations

from pydantic import Field

from llmstrat_iac.components.sagemaker.options import Image
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.spec.units import Ttl


class ClusterOptions(Closed):
    """The `cluster.options:` on `sagemaker`."""

    image: Image | None = Field(
        default=None, description="Container that trains, in ECR; AWS's PyTorch of a pinned version if unset."
    )
    volume_gb: int = Field(
        default=500, ge=50, le=16_000, description="Encrypted volume a node, in GB; types with NVMe disks ignore it."
    )
    max_runtime: Ttl = Field(
        default="5d",
        validate_default=True,
        description="How long one job may run, retries included; a longer run goes on as the next attempt.",
    )
    spot_wait: Ttl = Field(
        default="24h",
        validate_default=True,
        description="How long a `spot` job may wait for capacity, on top of `max_runtime`.",
    )
    retries: int = Field(
        default=10, ge=0, le=30, description="How often SageMaker starts the job again after a failure of its own."
    )
    encrypt_traffic: bool = Field(
        default=False,
        description="Encrypt what the containers send each other, at the cost of speed; the network is the stack's.",
    )
