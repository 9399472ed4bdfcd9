"""How far SageMaker's customization jobs are. A deleted job is gone, so nothing here is history only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmstrat_iac.components.leftovers import belongs, pages
from llmstrat_iac.components.tuning.aws_errors import explained, object_exists
from llmstrat_iac.components.tuning.names import TAG_JOB, attempt_of, identity_of
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobEvent, JobState, TuningJob

_STATES = {
    "InProgress": JobState.RUNNING,
    "Completed": JobState.COMPLETED,
    "Failed": JobState.FAILED,
    "Stopping": JobState.RUNNING,
    "Stopped": JobState.CANCELLED,
}
_WAITING = frozenset({"Starting", "Pending", "LaunchingMLInstances", "PreparingTrainingStack"})


def open_jobs(
    resolved: ResolvedSpec, session: AwsSession, _target: Target, _secrets: Mapping[str, str]
) -> SageMakerJobs:
    """The stack's jobs."""
    return SageMakerJobs(resolved.stack_name, session)


class SageMakerJobs:
    """Jobs by name and tag."""

    def __init__(self, stack_name: str, session: AwsSession) -> None:
        self._stack_name = stack_name
        self._session = session
        self._client = session.client("sagemaker")

    def list(self) -> tuple[TuningJob, ...]:
        """All jobs that carry the stack's tag, the newest first."""
        with explained("SageMaker's training jobs can't be listed"):
            found = [
                self._job(summary["TrainingJobName"], tags[TAG_JOB])
                for summary in pages(
                    self._client, "list_training_jobs", "TrainingJobSummaries", NameContains=self._stack_name
                )
                if TAG_JOB in (tags := self._tags(summary["TrainingJobArn"]))
            ]
        return tuple(sorted(found, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True))

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

    def _tags(self, arn: str) -> Mapping[str, str]:
        tags = list(pages(self._client, "list_tags", "Tags", ResourceArn=arn))
        return {tag["Key"]: tag["Value"] for tag in tags} if belongs(tags, self._stack_name) else {}

    def _job(self, name: str, key: str) -> TuningJob:
        raw = self._client.describe_training_job(TrainingJobName=name)
        state = _STATES[raw["TrainingJobStatus"]]
        if state is JobState.RUNNING and raw.get("SecondaryStatus") in _WAITING:
            state = JobState.QUEUED
        data = _train_uri(raw)
        over_without_model = state in (JobState.FAILED, JobState.CANCELLED)
        return TuningJob(
            identity=identity_of(key),
            attempt=attempt_of(key),
            name=name,
            vendor_id=raw["TrainingJobArn"],
            state=state,
            created=raw["CreationTime"],
            finished=raw.get("TrainingEndTime"),
            progress=_progress(raw, state),
            metrics={
                metric["MetricName"].replace("train_loss", "training_loss"): float(metric["Value"])
                for metric in raw.get("FinalMetricDataList") or ()
            },
            failure=raw.get("FailureReason") if state is JobState.FAILED else None,
            model_id=raw.get("OutputModelPackageArn") if state is JobState.COMPLETED else None,
            inputs={
                "key": key,
                "base_model": raw["ServerlessJobConfig"]["BaseModelArn"],
                "data": data,
                "output": (raw.get("ModelArtifacts") or {}).get("S3ModelArtifacts", ""),
            },
            deleted=over_without_model and not object_exists(self._session, data),
        )


def _train_uri(raw: Mapping[str, Any]) -> str:
    channels = {channel["ChannelName"]: channel for channel in raw.get("InputDataConfig") or ()}
    return str(channels.get("train", {}).get("DataSource", {}).get("S3DataSource", {}).get("S3Uri", ""))


def _progress(raw: Mapping[str, Any], state: JobState) -> float | None:
    """Steps done of all."""
    if state is JobState.COMPLETED:
        return 1.0
    info = raw.get("ProgressInfo") or {}
    steps, epochs = info.get("TotalStepCountPerEpoch"), info.get("MaxEpoch")
    if not steps or not epochs:
        return None
    done = (max(info.get("CurrentEpoch", 1), 1) - 1) * steps + info.get("CurrentStep", 0)
    return min(1.0, float(done) / float(steps * epochs))
