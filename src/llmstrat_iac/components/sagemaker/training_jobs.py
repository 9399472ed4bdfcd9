"""A stack's training jobs in SageMaker, whatever they train: found by name and tag, read, stopped.

A deleted job is gone, name and all, so nothing here is history only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from llmstrat_iac.components.leftovers import belongs, pages
from llmstrat_iac.components.tuning.aws_errors import explained
from llmstrat_iac.components.tuning.names import TAG_JOB
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.tuning import JobEvent, JobState, TuningJob

_STATES = {
    "InProgress": JobState.RUNNING,
    "Completed": JobState.COMPLETED,
    "Failed": JobState.FAILED,
    "Stopping": JobState.RUNNING,
    "Stopped": JobState.CANCELLED,
}
_WAITING = frozenset({"Starting", "Pending", "LaunchingMLInstances", "PreparingTrainingStack"})
_OUT_OF_TIME = frozenset({"MaxRuntimeExceeded", "MaxWaitTimeExceeded"})


class TrainingJobs(ABC):
    """Jobs that carry the stack's tag. What a job is in our terms, a subclass says."""

    def __init__(self, stack_name: str, session: AwsSession) -> None:
        self._stack_name = stack_name
        self._session = session
        self._client = session.client("sagemaker")

    def list(self) -> tuple[TuningJob, ...]:
        """All jobs of the stack, the newest first."""
        with explained("SageMaker's training jobs can't be listed"):
            found = [
                self._read(summary["TrainingJobName"], tags[TAG_JOB])
                for summary in pages(
                    self._client, "list_training_jobs", "TrainingJobSummaries", NameContains=self._stack_name
                )
                if TAG_JOB in (tags := self._tags(summary["TrainingJobArn"]))
            ]
        jobs = [job for job in found if job is not None]
        return tuple(sorted(jobs, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True))

    def cancel(self, job: TuningJob) -> None:
        """Stop a running job."""
        with explained(f"the job {job.name} can't be stopped"):
            self._client.stop_training_job(TrainingJobName=job.name)

    def events(self, job: TuningJob) -> Iterator[JobEvent]:
        """The job's transitions."""
        with explained(f"the job {job.name} can't be read"):
            raw = self._client.describe_training_job(TrainingJobName=job.name)
        for change in raw.get("SecondaryStatusTransitions") or ():
            level = "error" if change["Status"] == "Failed" else "info"
            message = change.get("StatusMessage") or ""
            text = change["Status"] if message in ("", change["Status"]) else f"{change['Status']}: {message}"
            yield JobEvent(change["StartTime"], level, text)
        if raw.get("FailureReason"):
            yield JobEvent(raw.get("TrainingEndTime") or raw["CreationTime"], "error", raw["FailureReason"])

    def _read(self, name: str, key: str) -> TuningJob | None:
        return self._job(name, key, self._client.describe_training_job(TrainingJobName=name))

    @abstractmethod
    def _job(self, name: str, key: str, raw: Mapping[str, Any]) -> TuningJob | None:
        """A job's description in our terms; None for one that is another strategy's."""

    def _tags(self, arn: str) -> Mapping[str, str]:
        tags = list(pages(self._client, "list_tags", "Tags", ResourceArn=arn))
        return {tag["Key"]: tag["Value"] for tag in tags} if belongs(tags, self._stack_name) else {}


def state_of(raw: Mapping[str, Any]) -> JobState:
    """How far a job is. One that ran out of time is stopped in SageMaker's words, and failed in ours."""
    state, secondary = _STATES[raw["TrainingJobStatus"]], raw.get("SecondaryStatus")
    if state is JobState.RUNNING and secondary in _WAITING:
        return JobState.QUEUED
    return JobState.FAILED if state is JobState.CANCELLED and secondary in _OUT_OF_TIME else state


def failure_of(raw: Mapping[str, Any]) -> str | None:
    """Why a job has failed, if it has."""
    if state_of(raw) is not JobState.FAILED:
        return None
    if raw.get("SecondaryStatus") in _OUT_OF_TIME:
        seconds = (raw.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 0)
        return raw.get("FailureReason") or f"it ran out of time (`max_duration` is {seconds / 3600:g} hours)"
    return raw.get("FailureReason")


def metrics_of(raw: Mapping[str, Any]) -> dict[str, float]:
    """What the job has measured last."""
    found = raw.get("FinalMetricDataList") or ()
    return {each["MetricName"].replace("train_loss", "training_loss"): float(each["Value"]) for each in found}
