"""Physical names of a stack's HyperPod resources, for the program that creates them and the sweep that finds them."""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.components.expiry import ExpiryNames
from llmstrat_iac.components.names import GatewayNames

CLUSTER_LOGS = "/aws/sagemaker/Clusters/"
"""Where HyperPod writes what its nodes' lifecycle scripts say: one group a cluster, `NAME/ID`."""
CONTROLLER, WORKERS, PARTITION = "controller", "workers", "train"


@dataclass(frozen=True)
class HyperPodNames:
    """`prefix` is the stack's name, of at most 37 characters; SageMaker's names take 63."""

    prefix: str

    @property
    def role_path(self) -> str:
        return GatewayNames(self.prefix).role_path

    @property
    def cluster(self) -> str:
        """Of network and file system, and the beginning of each cluster's own name.

        Not as on EC2: a stack may move from one to the other, and what is new is made before what is old goes.
        """
        return f"{self.prefix}-hyperpod"

    @property
    def log(self) -> str:
        """Of the job."""
        return f"{GatewayNames(self.prefix).log_prefix}hyperpod"

    @property
    def expiry(self) -> ExpiryNames:
        return ExpiryNames(self.cluster, f"{self.cluster}-expiry", self.role_path)

    def job_cluster(self, key: str) -> str:
        """Of the cluster of one job."""
        return f"{self.cluster}-{key}"

    def role(self, group: str) -> str:
        """Of the nodes of one group."""
        return f"{self.cluster}-{group}"
