"""Physical names of a stack's SageMaker resources, for the program that creates them and the sweep that finds them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from llmstrat_iac.components.expiry import ExpiryNames
from llmstrat_iac.components.names import GatewayNames

VARIANT = "main"
TRAINING_LOG = "/aws/sagemaker/TrainingJobs"
"""Shared by all training jobs of the account; a job's streams begin with its name."""
JOB_URI = "LLMSTRAT_JOB_URI"
"""Variable of a cluster's job: tells the launcher, and us, where all of the job is in S3."""
ENDPOINT_LOGS = "/aws/sagemaker/Endpoints/"


@dataclass(frozen=True)
class SageMakerNames:
    """`prefix` is the stack's name, of at most 37 characters; SageMaker's names take 63."""

    prefix: str

    @property
    def role_path(self) -> str:
        return GatewayNames(self.prefix).role_path

    @property
    def training_role(self) -> str:
        return f"{self.prefix}-sagemaker-training"

    @property
    def cluster(self) -> str:
        """Of a cluster's network and file system, and the beginning of its log's name."""
        return f"{self.prefix}-sagemaker-cluster"

    @property
    def serving_role(self) -> str:
        return f"{self.prefix}-sagemaker-serving"

    @property
    def copy_role(self) -> str:
        return f"{self.prefix}-sagemaker-copy"

    @property
    def copy_jobs(self) -> str:
        return f"{self.prefix}-hub-copy"

    @property
    def endpoint(self) -> str:
        return f"{self.prefix}-endpoint"

    @property
    def component(self) -> str:
        return f"{self.prefix}-model"

    @property
    def wake_alarm(self) -> str:
        return f"{self.prefix}-wake"

    @property
    def endpoint_log(self) -> str:
        return ENDPOINT_LOGS + self.endpoint

    @property
    def component_log(self) -> str:
        return f"/aws/sagemaker/InferenceComponents/{self.component}"

    @property
    def variant_target(self) -> str:
        """Of Application Auto Scaling."""
        return f"endpoint/{self.endpoint}/variant/{VARIANT}"

    @property
    def component_target(self) -> str:
        return f"inference-component/{self.component}"

    def versioned(self, content: Any) -> str:
        """A name that changes with what it names: models and endpoint configurations can't be changed."""
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{self.prefix}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"

    def expiry(self, part: str) -> ExpiryNames:
        """Of `fleet` or `training`."""
        return ExpiryNames(f"{self.prefix}-{part}", f"{self.prefix}-{part}-expiry", self.role_path)
