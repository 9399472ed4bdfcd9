"""What the emulator's SageMaker remembers, by account and region."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from llmstrat_iac.sandbox.emulator.instance_jobs.logs import JobLog
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.jobs import Course, Faults, Phase, clock

_STATUSES = {Phase.COMPLETED: "Completed", Phase.FAILED: "Failed", Phase.STOPPING: "Stopping", Phase.STOPPED: "Stopped"}


class Work(Protocol):
    """A job's program at work."""

    @property
    def log(self) -> JobLog:
        """What it prints."""

    def advance(self) -> None:
        """Write what is due."""


@dataclass
class Job:
    """A training job; `package` is the model package that it has made, empty if it makes none, None before.

    `work` is what a job on instances does; None for serverless customization, and without instances to do it on.
    `course.begun` is infinite for a job that waits for its training plan to begin.
    """

    arn: str
    name: str
    asked: Arguments
    course: Course
    package: str | None = None
    work: Work | None = None
    created: float = field(default_factory=clock)

    @property
    def status(self) -> str:
        """Its main status."""
        return _STATUSES.get(self.course.phase(), "InProgress")

    @property
    def artifact(self) -> str:
        """Where its model goes in S3: a folder if it is serverless or wants no compression, else an archive."""
        output = self.asked["OutputDataConfig"]
        folder = self.serverless or output.get("CompressionType") == "NONE"
        return f"{str(output['S3OutputPath']).rstrip('/')}/{self.name}/output/{'model' if folder else 'model.tar.gz'}"

    @property
    def holds_instances(self) -> bool:
        """Whether it has instances, or waits for those that are reserved for it."""
        return self.work is not None and not self.course.phase().over

    @property
    def waits(self) -> bool:
        """Whether nobody knows yet when it begins."""
        return self.course.begun == inf

    @property
    def serverless(self) -> bool:
        """Whether it is serverless customization."""
        return bool(self.asked.get("ServerlessJobConfig"))


@dataclass
class Group:
    """A model package group; `last` is the last version that was given out."""

    arn: str
    name: str
    description: str | None
    last: int = 0
    created: float = field(default_factory=clock)


@dataclass
class Package:
    """One version in a group."""

    arn: str
    group: Group
    version: int
    artifact: str
    base_model_arn: str | None
    approval: str = "PendingManualApproval"
    created: float = field(default_factory=clock)


class Store:
    """Jobs by name, groups by name, packages and tags by ARN."""

    def __init__(self) -> None:
        self.jobs = AccountRegionScopedDict()
        self.groups = AccountRegionScopedDict()
        self.packages = AccountRegionScopedDict()
        self.tags = AccountRegionScopedDict()
        self.faults = Faults()

    def tagged(self, arn: str) -> dict[str, str]:
        """The tags of something that exists."""
        tags: dict[str, str] | None = self.tags.get(arn)
        if tags is None:
            raise ApiError("ValidationException", f"Resource {arn} does not exist.")
        return tags


def arn(resource: str) -> str:
    """The ARN of something of this account in this region."""
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{resource}"


def tag_map(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags from the API's list."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


STORE = Store()
