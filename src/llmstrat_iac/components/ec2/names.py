"""The physical names of what runs on EC2, for the programs that create it and for the sweep that finds it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from llmstrat_iac.components.expiry import ExpiryNames
from llmstrat_iac.components.names import GatewayNames

DRAIN_HOOK = "drain"
"""Of the fleet: holds a terminating instance until the engine has finished its answers."""
METRIC_NAMESPACE = "llmstrat"
WAITING_METRIC = "waiting_requests"
CACHE_METRIC = "kv_cache_percent"
_BALANCER_LIMIT = 32


@dataclass(frozen=True)
class Ec2Names:
    """Names of one stack's fleet, training and cluster; `prefix` is the stack's name."""

    prefix: str

    @property
    def fleet(self) -> str:
        return f"{self.prefix}-fleet"

    @property
    def training(self) -> str:
        return f"{self.prefix}-training"

    @property
    def cluster(self) -> str:
        return f"{self.prefix}-cluster"

    @property
    def role_path(self) -> str:
        return GatewayNames(self.prefix).role_path

    @property
    def fleet_log(self) -> str:
        return f"{GatewayNames(self.prefix).log_prefix}fleet"

    @property
    def training_log(self) -> str:
        return f"{GatewayNames(self.prefix).log_prefix}training"

    @property
    def cluster_log(self) -> str:
        return f"{GatewayNames(self.prefix).log_prefix}cluster"

    @property
    def balancer(self) -> str:
        """Of the load balancer and of its target group, each unique in account and region.

        At most 32 characters, and not `internal-` at the start:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
        """
        if len(self.prefix) <= _BALANCER_LIMIT and not self.prefix.startswith("internal-"):
            return self.prefix
        digest = hashlib.sha256(self.prefix.encode()).hexdigest()[:8]
        return f"llm-{self.prefix[: _BALANCER_LIMIT - 13].strip('-')}-{digest}"

    def group(self, part: str) -> str:
        """Of a security group; `sg-` at the start is AWS's own."""
        return f"llmstrat-{self.prefix}-{part}"

    @property
    def training_stop(self) -> str:
        """Of the schedule that stops the job; without its key, which would make it longer than the 64 allowed."""
        return f"{self.training}-stop"

    @property
    def cluster_stop(self) -> str:
        """Of the schedule that stops the nodes."""
        return f"{self.cluster}-stop"

    @property
    def file_system_stop(self) -> str:
        """Of the schedule that deletes the file system."""
        return f"{self.cluster}-files"

    def cluster_job(self, key: str) -> str:
        """Of what runs one job on the cluster."""
        return f"{self.cluster}-{key}"

    def job(self, key: str) -> str:
        """Of what runs one training job."""
        return f"{self.training}-{key}"

    def expiry(self, name: str) -> ExpiryNames:
        """Of the schedules that stop the fleet, the training or the cluster."""
        return ExpiryNames(group=name, role=f"{name}-expiry", role_path=self.role_path)
