"""The names and tags by which a stack's tuning is found again, whatever Pulumi's state has lost.

A job is known by its key, `identity-attempt`. Resources are registered under it, jobs carry it as a tag, label or
metadata, so that neither a renamed alias nor a moved file changes anything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from llmstrat_iac.components.names import GatewayNames

TAG_JOB = "llmstrat:tuning-job"
"""The job's key on the job, its model and its deployment."""
TAG_RETAINED = "llmstrat:retained"
"""On a model that `down` must leave."""

METADATA_STACK = "llmstrat_stack"
METADATA_JOB = "llmstrat_job"
METADATA_RETAINED = "llmstrat_retained"
"""For vendors whose metadata or labels take no colon."""


@dataclass(frozen=True)
class TuningNames:
    """Names of one stack's shared tuning resources; `prefix` is the stack's name."""

    prefix: str

    @property
    def role(self) -> str:
        return f"{self.prefix}-tuning"

    @property
    def role_path(self) -> str:
        return GatewayNames(self.prefix).role_path

    def bucket(self, account: str, region: str, *, infix: str = "tuning") -> str:
        """A name that no other account can have taken: bucket names are unique in the world, and take 63 characters."""
        digest = hashlib.sha256(f"{account}:{region}:{self.prefix}".encode()).hexdigest()
        return f"{self.prefix}-{infix}-{digest[:12]}"


def job_key(identity: str, attempt: int) -> str:
    """`identity-attempt`."""
    return f"{identity}-{attempt}"


def identity_of(key: str) -> str:
    """The inverse of `job_key`, for the identity."""
    return key.partition("-")[0]


def attempt_of(key: str) -> int:
    """The inverse of `job_key`, for the attempt."""
    return int(key.rpartition("-")[2])


def logical_name(key: str) -> str:
    """The Pulumi name of a job's resources."""
    return f"tuning-{key}"
