"""What the emulator's Bedrock remembers of tuning, by account and region, and how its things turn up with time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from llmstrat_iac.sandbox.emulator.tuning.bases import Base
from llmstrat_iac.sandbox.emulator.tuning.objects import write_s3
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.jobs import Course, Faults, Phase, clock, losses

_STATUSES = {Phase.COMPLETED: "Completed", Phase.FAILED: "Failed", Phase.STOPPING: "Stopping", Phase.STOPPED: "Stopped"}
_STEPS = 20
Tags = dict[str, str]


@dataclass
class Job:
    """A customization job; `model_arn` is what it makes when it completes."""

    arn: str
    base: Base
    asked: Arguments
    course: Course
    model_id: str
    made: bool = False

    @property
    def name(self) -> str:
        return str(self.asked["jobName"])

    @property
    def status(self) -> str:
        return _STATUSES.get(self.course.phase(), "InProgress")

    @property
    def model_arn(self) -> str:
        return arn(f"custom-model/{self.base.id}/{self.model_id}")

    @property
    def metrics(self) -> dict[str, Any]:
        """Training and validation losses of a completed job."""
        loss = losses(1.0, _STEPS)[-1]
        count = len((self.asked.get("validationDataConfig") or {}).get("validators") or ())
        validation = [{"validationLoss": round(loss * 1.1, 4)}] * count
        return {"trainingMetrics": {"trainingLoss": loss}, "validationMetrics": validation or None}


@dataclass
class Model:
    """A custom model, made by a job."""

    arn: str
    job: Job
    created: float = field(default_factory=clock)

    @property
    def name(self) -> str:
        return str(self.job.asked["customModelName"])


@dataclass
class Served:
    """A deployment or provisioned throughput of a model; it comes up with time."""

    arn: str
    name: str
    model_arn: str
    base_arn: str
    asked: Arguments
    course: Course

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]


class Store:
    """The three kinds of things, and their tags."""

    def __init__(self) -> None:
        self.jobs = AccountRegionScopedDict()
        self.models = AccountRegionScopedDict()
        self.deployments = AccountRegionScopedDict()
        self.throughputs = AccountRegionScopedDict()
        self.tags = AccountRegionScopedDict()
        self.faults = Faults()

    def settle(self) -> None:
        """Make the models of the jobs that have completed since somebody looked."""
        for job in self.jobs.values():
            if not job.made and job.course.phase() is Phase.COMPLETED:
                job.made = True
                write_metrics(job)
                self.models[job.model_arn] = Model(job.model_arn, job, job.course.ends)
                self.tags[job.model_arn] = tag_map(job.asked.get("customModelTags"))

    def job(self, identifier: str) -> Job:
        """A job by ARN or name."""
        found: Job = self._one(self.jobs, identifier, "job")
        return found

    def model(self, identifier: str) -> Model:
        """A custom model by ARN or name."""
        self.settle()
        found: Model = self._one(self.models, identifier, "model")
        return found

    def users(self, model_arn: str) -> Iterator[Served]:
        """What serves a model."""
        for served in (*self.deployments.values(), *self.throughputs.values()):
            if served.model_arn == model_arn:
                yield served

    def served(self, store: Any, identifier: str) -> Served:
        """A deployment or throughput by ARN, id or name."""
        for served in store.values():
            if identifier in (served.arn, served.id, served.name):
                return served  # type: ignore[no-any-return]
        raise ApiError("ResourceNotFoundException", "The specified resource ARN is not found.", 404)

    def _one(self, store: Any, identifier: str, kind: str) -> Any:
        for item in store.values():
            if identifier in (item.arn, item.name):
                return item
        raise ApiError("ResourceNotFoundException", f"The provided {kind} identifier is not found.", 404)


def write_metrics(job: Job) -> None:
    """What Bedrock leaves in the output bucket of a job."""
    folder = (
        f"{job.asked['outputDataConfig']['s3Uri'].rstrip('/')}/model-customization-job-{job.arn.rpartition('/')[2]}"
    )
    rows = (f"{step},0,{loss}" for step, loss in enumerate(losses(1.0, _STEPS), 1))
    text = "\n".join(("step_number,epoch_number,training_loss", *rows, ""))
    write_s3(f"{folder}/training_artifacts/step_wise_training_metrics.csv", text.encode())


def arn(resource: str) -> str:
    """The ARN of something of this account in this region."""
    return f"arn:aws:bedrock:{get_region()}:{get_account_id()}:{resource}"


def region() -> str:
    """The request's region."""
    return str(get_region())


def account() -> str:
    """The request's account."""
    return str(get_account_id())


def new_id() -> str:
    """Twelve characters that nothing else has."""
    return uuid4().hex[:12]


def tag_map(tags: list[dict[str, str]] | None) -> Tags:
    """Tags from the API's list."""
    return {tag["key"]: tag["value"] for tag in tags or ()}


STORE = Store()
