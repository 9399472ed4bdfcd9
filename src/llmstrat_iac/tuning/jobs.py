"""How far a vendor's jobs are, in the same words for all vendors; and which of a stack's jobs matter.

Data and a protocol. Who asks the vendor is the vendor's own heavy half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from llmstrat_iac.tuning.identity import makes_model
from llmstrat_iac.tuning.source import DatasetSource


class JobState(StrEnum):
    """How far a job is, in the same words for all vendors."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether the job will not change any more."""
        return self in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class TuningJob:
    """A job at the vendor, in the same terms for all vendors."""

    identity: str
    """Of the inputs, as `ResolvedTuning.identity`."""
    name: str
    vendor_id: str
    """Id or ARN by which the vendor knows the job."""
    state: JobState
    created: datetime | None = None
    finished: datetime | None = None
    progress: float | None = None
    """0 to 1; None if the vendor doesn't say."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Such as `training_loss`, `validation_loss`, `trained_tokens`."""
    failure: str | None = None
    """The vendor's reason, if the job failed."""
    model_id: str | None = None
    """Of the tuned model, once there is one."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """What is needed to register the job's resources again after the spec has moved on."""
    attempt: int = 1
    """Which job for its identity it is."""
    deleted: bool = False
    """Whether it is history only: its model, or the data of a job without one, has been deleted since."""

    @property
    def makes_model(self) -> bool:
        """Whether a model comes of it; False for a cluster's acceptance gate alone."""
        return makes_model(self.identity)


@dataclass(frozen=True)
class JobEvent:
    """A line of a job's log."""

    at: datetime
    level: str
    """`info`, `warning` or `error`."""
    message: str


class ManagedJob(Protocol):
    """What `up`, `wait`, `status` and the others need of the job that a spec describes, whoever runs it.

    `ResolvedTuning` (strategy B) and `ResolvedTraining` (strategy C) are two.
    """

    @property
    def identity(self) -> str:
        """Of all that changes the result."""

    @property
    def train(self) -> DatasetSource:
        """What is trained on."""

    @property
    def validation(self) -> DatasetSource | None:
        """What is measured on."""

    @property
    def alias(self) -> str:
        """Of the model that it makes."""

    @property
    def runner(self) -> str:
        """Who runs it, in words."""

    @property
    def jobs(self) -> str:
        """`package.module:function(ResolvedSpec, AwsSession, Target, secrets) -> TuningJobs`."""

    @property
    def serves_when_completed(self) -> bool:
        """Whether the next `up` serves the result, without being told to."""

    @property
    def fails_up(self) -> bool:
        """Whether a failed job makes `up` fail, too."""


def in_words(metrics: Mapping[str, float]) -> list[str]:
    """`tokens per second 1,480,000`, `training loss 2.318`: figures as people read them, the loss once."""
    shown = {name: value for name, value in metrics.items() if name != "loss" or "training_loss" not in metrics}
    return [f"{name.replace('_', ' ')} {_figure(value)}" for name, value in shown.items()]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


class TuningJobs(Protocol):
    """A vendor's jobs at run time: what `Tuning.jobs` makes. Asks the vendor; creates nothing.

    What the vendor answers badly, or not at all, is raised as an LlmstratError.
    """

    def list(self) -> tuple[TuningJob, ...]:
        """All jobs of this stack, history included, the newest first."""

    def cancel(self, job: TuningJob) -> None:
        """Stop a job that isn't over."""

    def events(self, job: TuningJob) -> Iterable[JobEvent]:
        """The job's log, the oldest first."""


@dataclass(frozen=True)
class TuningState:
    """The stack's jobs as read before the program runs."""

    current: TuningJob | None = None
    """The job that the program registers for the identity of the spec; None if there is none yet."""
    serving: TuningJob | None = None
    """The newest completed other job; it serves while `current` doesn't."""
    attempt: int = 1
    """Which job for this identity `current` is, or will be: vendors keep the names of jobs that are over."""
    deploy: bool = True
    """Whether `current` may serve once it is completed."""

    @property
    def served(self) -> TuningJob | None:
        """The job whose model answers now."""
        job = self.current
        done = self.deploy and job is not None and job.state is JobState.COMPLETED and job.makes_model
        return job if done else self.serving


def tuning_state(jobs: Iterable[TuningJob], identity: str, *, retry: bool = False, deploy: bool = True) -> TuningState:
    """Pick the two jobs that matter from all of a stack's.

    `retry` starts anew what has failed or was cancelled, and what was only tested.
    """
    newest = sorted(jobs, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True)
    attempts = [job for job in newest if job.identity == identity]
    current = next((job for job in attempts if not job.deleted), None)
    if retry and current is not None and _to_repeat(current):
        current = None
    attempt = max((job.attempt for job in attempts), default=0) + (current is None)
    serving = None
    if current is None or not deploy or current.state is not JobState.COMPLETED:
        alive = (job for job in newest if job.identity != identity and job.makes_model and not job.deleted)
        serving = next((job for job in alive if job.state is JobState.COMPLETED), None)
    return TuningState(current, serving, attempt if current is None else current.attempt, deploy)


def _to_repeat(job: TuningJob) -> bool:
    return job.state in (JobState.FAILED, JobState.CANCELLED) or (job.state.over and not job.makes_model)
