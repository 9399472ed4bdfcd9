"""Managed fine-tuning as data: what a vendor offers, what a spec asks for, and how far its jobs are.

The contract between strategy B and the vendors' plugins. Light: it must not import pulumi, boto3 or a dataset's reader
before somebody asks for a hash. `Tuning` is what `Provider.tuning` names.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import Field

from llmstrat_iac.plan import StackPlan
from llmstrat_iac.spec.common import Closed
from llmstrat_iac.spec.providers import Credentials
from llmstrat_iac.spec.tuning import TuningBlock

if TYPE_CHECKING:
    from llmstrat_iac.datasets.report import DatasetReport
    from llmstrat_iac.datasets.rules import VendorRules

TUNING_SECRET = "tuning.credentials"  # noqa: S105 - a key of ProgramContext.secrets, which no provider's name can be


class Hyperparameters(Closed):
    """What every vendor's hyperparameters have. The default is always sent, so that the price is known before."""

    epochs: int = Field(default=2, ge=1, description="Passes over the training data.")


@dataclass(frozen=True)
class TunableBase:
    """A model that a vendor tunes. Prices in US dollars; None is unknown, never zero."""

    id: str
    """As the vendor's tuning API wants it; often not the id that is called."""
    title: str
    inference_id: str | None
    """Id under which the untuned model is called; None if the vendor doesn't serve it so."""
    source: str
    as_of: str
    methods: tuple[str, ...] = ("supervised",)
    """Of `supervised` and `preference`."""
    regions: tuple[str, ...] | None = None
    """AWS regions in which it can be tuned; None if the vendor isn't bound to AWS regions, or they aren't known."""
    usd_per_mtok_training: float | None = None
    """A million tokens once through; epochs multiply it."""
    usd_per_mtok_input: float | None = None
    usd_per_mtok_output: float | None = None
    """Of calling the tuned model by token."""
    usd_hosting_hour: float | None = None
    """Of one unit that hosts the tuned model by the hour, where the vendor sells that."""
    usd_month_storage: float | None = None
    """Of keeping the tuned model, called or not."""
    jobs_end: date | None = None
    """First day on which the vendor refuses new jobs."""
    retires: date | None = None
    """First day on which the base, and all that was tuned from it, isn't served any more."""
    alternative: str | None = None
    """What to use instead of a base that retires or can't be tuned for long."""
    eula: str | None = None
    """Licence that must be accepted by name; None if there is none."""


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
    deleted: bool = False
    """Whether it is history only: its model, or the data of a job without one, has been deleted since."""


@dataclass(frozen=True)
class JobEvent:
    """A line of a job's log."""

    at: datetime
    level: str
    """`info`, `warning` or `error`."""
    message: str


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
        done = self.deploy and self.current is not None and self.current.state is JobState.COMPLETED
        return self.current if done else self.serving


def tuning_state(jobs: Iterable[TuningJob], identity: str, *, retry: bool = False, deploy: bool = True) -> TuningState:
    """Pick the two jobs that matter from all of a stack's. `retry` starts anew what has failed or was cancelled."""
    newest = sorted(jobs, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True)
    attempts = [job for job in newest if job.identity == identity]
    current = next((job for job in attempts if not job.deleted), None)
    if retry and current is not None and current.state in (JobState.FAILED, JobState.CANCELLED):
        current = None
    attempt = max(len(attempts) + (current is None), 1)
    serving = None
    if current is None or not deploy or current.state is not JobState.COMPLETED:
        alive = (job for job in newest if job.identity != identity and not job.deleted)
        serving = next((job for job in alive if job.state is JobState.COMPLETED), None)
    return TuningState(current, serving, attempt, deploy)


@dataclass(frozen=True)
class DatasetSource:
    """A training or validation file: local, or an S3 object whose content only AWS can tell."""

    written: str
    """As the spec has it."""
    path: Path | None
    """Of a local file; None for an S3 object."""
    fingerprint: str | None = None
    """Of an S3 object, once somebody asked AWS: `dataclasses.replace(source, fingerprint=…)`."""

    @property
    def uri(self) -> str | None:
        """`s3://…`, or None for a local file."""
        return self.written if self.path is None else None

    @cached_property
    def content_hash(self) -> str | None:
        """Identity of the content: SHA-256 as of the first time it is asked for; None if only AWS can tell.

        DatasetError if the file isn't there.
        """
        if self.path is None:
            return self.fingerprint
        from llmstrat_iac.datasets.reader import LineReader, open_dataset

        with open_dataset(self.path) as stream:
            reader = LineReader(stream, self.written)
            for _ in reader:
                pass
        return reader.sha256


@dataclass(frozen=True)
class Tuning:
    """A provider's managed fine-tuning: the object that `Provider.tuning` names."""

    title: str
    hyperparameters: type[Hyperparameters]
    options: type[Closed]
    bases: Callable[[], Iterable[TunableBase]]
    """Known bases; unknown ones are allowed with a warning where the vendor can be asked, at preflight."""
    rules: Callable[[str, str], VendorRules]
    """(base model, method) to what the vendor demands of the file; DatasetError if there is no such tuning."""
    plan: Callable[[ResolvedTuning], StackPlan]
    """The vendor's part of the plan: resources in outline, storage and hosting, its token price, findings. Pure, and
    without reading the dataset; the strategy adds the dataset's check and the training's cost."""
    program: str
    """`package.module:function(ProgramContext, ResolvedTuning, TuningState, ResourceOptions) -> ServedModel | None`:
    registers upload, job, model and deployment with the options given; says how the gateway reaches the model once one
    is served."""
    jobs: str
    """`package.module:function(ResolvedSpec, AwsSession, Target, secrets) -> TuningJobs`."""
    preflight: str
    """`package.module:function(ResolvedSpec, AwsSession) -> Iterable[Finding]`."""
    sweep: str
    """`package.module:function(stack_name, AwsSession, *, remove) -> Iterable[Leftover]`."""
    secret_variable: str | None = None
    """Environment variable that customarily holds the key; None if the provider needs none. If it is the provider's
    own `secret_variable`, a key under `providers:` does for tuning, too."""


@dataclass(frozen=True)
class ResolvedTuning:
    """The spec's `tuning:` block with the vendor's validated parts."""

    block: TuningBlock
    tuning: Tuning
    stack_name: str
    region: str
    hyperparameters: Hyperparameters
    options: Any
    """An instance of `Tuning.options`."""
    base: TunableBase | None
    """None if the base isn't among the known ones."""
    train: DatasetSource
    validation: DatasetSource | None
    credentials: Credentials | None

    @property
    def vendor(self) -> str:
        """The provider's name."""
        return self.block.provider

    @property
    def rules(self) -> VendorRules:
        """What the vendor demands of the dataset."""
        return self.tuning.rules(self.block.base_model, self.block.method)

    @cached_property
    def identity(self) -> str:
        """Twelve hexadecimal digits of all that changes the result, and of nothing else. Reads the local files.

        ValueError if the content of an S3 object isn't known yet.
        """
        files = {"train": self.train, "validation": self.validation}
        hashes = {name: source.content_hash for name, source in files.items() if source is not None}
        unknown = [name for name, content in hashes.items() if content is None]
        if unknown:
            raise ValueError(f"the content of {' and '.join(unknown)} isn't known yet")
        inputs = {
            "vendor": self.vendor,
            "base_model": self.block.base_model,
            "method": self.block.method,
            "hyperparameters": self.hyperparameters.model_dump(mode="json", exclude_none=True),
            **hashes,
        }
        canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def job_name(self, limit: int = 63, attempt: int = 1) -> str:
        """`stack-alias-identity` in a-z, 0-9 and single `-`, of at most `limit` characters: the alias gives way."""
        tail = self.identity[:8] + (f"-{attempt}" if attempt > 1 else "")
        alias = plain_name(self.block.alias)[: limit - len(self.stack_name) - len(tail) - 2].strip("-")
        return "-".join(part for part in (self.stack_name, alias, tail) if part)


def plain_name(text: str) -> str:
    """The text in a-z, 0-9 and single `-`, which every vendor takes in a name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def checked(tuning: ResolvedTuning) -> DatasetReport | None:
    """Check the dataset against the vendor's rules; None if it is in S3. DatasetError if it can't be read at all."""
    if tuning.train.path is None or (tuning.validation is not None and tuning.validation.path is None):
        return None
    from llmstrat_iac.datasets.check import check

    validation = tuning.validation
    return check(
        tuning.train.path,
        tuning.rules,
        validation=validation.path if validation else None,
        name=tuning.train.written,
        validation_name=validation.written if validation else None,
    )
