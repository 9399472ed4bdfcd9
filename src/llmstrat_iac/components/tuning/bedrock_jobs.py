"""How far Bedrock's customization jobs are. A job's history can't be deleted, so what is only history is marked so."""

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
_PHASES = {
    "validationDetails": "validation of the data",
    "dataProcessingDetails": "processing of the data",
    "trainingDetails": "training",
}


def open_jobs(resolved: ResolvedSpec, session: AwsSession, _target: Target, _secrets: Mapping[str, str]) -> BedrockJobs:
    """The stack's jobs."""
    return BedrockJobs(resolved.stack_name, session)


class BedrockJobs:
    """Jobs by name and tag."""

    def __init__(self, stack_name: str, session: AwsSession) -> None:
        self._stack_name = stack_name
        self._session = session
        self._client = session.client("bedrock")

    def list(self) -> tuple[TuningJob, ...]:
        """All jobs that carry the stack's tag, the newest first."""
        with explained("Bedrock's customization jobs can't be listed"):
            models = {
                model["modelArn"]
                for model in pages(self._client, "list_custom_models", "modelSummaries", nameContains=self._stack_name)
            }
            found = [
                self._job(summary["jobArn"], tags[TAG_JOB], models)
                for summary in pages(
                    self._client,
                    "list_model_customization_jobs",
                    "modelCustomizationJobSummaries",
                    nameContains=self._stack_name,
                )
                if TAG_JOB in (tags := self._tags(summary["jobArn"]))
            ]
        return tuple(sorted(found, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True))

    def cancel(self, job: TuningJob) -> None:
        """Stop a running job."""
        with explained(f"the job {job.name} can't be stopped"):
            self._client.stop_model_customization_job(jobIdentifier=job.vendor_id)

    def events(self, job: TuningJob) -> Iterator[JobEvent]:
        """What the job's details say about its phases: Bedrock has no log of a job."""
        with explained(f"the job {job.name} can't be read"):
            raw = self._client.get_model_customization_job(jobIdentifier=job.vendor_id)
        yield JobEvent(raw["creationTime"], "info", f"job {job.name} created")
        details = raw.get("statusDetails") or {}
        for name, phase in _PHASES.items():
            state = details.get(name, {})
            at = state.get("lastModifiedTime") or state.get("creationTime")
            if at is not None and state["status"] != "NotStarted":
                level = "error" if state["status"] == "Failed" else "info"
                yield JobEvent(at, level, f"{phase}: {state['status']}")
        if raw["status"] == "Failed":
            at = raw.get("endTime") or raw.get("lastModifiedTime") or raw["creationTime"]
            yield JobEvent(at, "error", raw.get("failureMessage") or "failed without a reason")

    def _tags(self, arn: str) -> Mapping[str, str]:
        tags = self._client.list_tags_for_resource(resourceARN=arn).get("tags") or ()
        return {tag["key"]: tag["value"] for tag in tags} if belongs(tags, self._stack_name) else {}

    def _job(self, arn: str, key: str, models: set[str]) -> TuningJob:
        raw = self._client.get_model_customization_job(jobIdentifier=arn)
        state = _STATES[raw["status"]]
        model = raw.get("outputModelArn")
        data = raw["trainingDataConfig"].get("s3Uri", "")
        if state is JobState.COMPLETED:
            deleted = model not in models
        else:
            deleted = state.over and not object_exists(self._session, data)
        return TuningJob(
            identity=identity_of(key),
            attempt=attempt_of(key),
            name=raw["jobName"],
            vendor_id=arn,
            state=state,
            created=raw["creationTime"],
            finished=raw.get("endTime"),
            progress=_progress(raw, state),
            metrics=_metrics(raw),
            failure=raw.get("failureMessage") if state is JobState.FAILED else None,
            model_id=model if state is JobState.COMPLETED else None,
            inputs={"key": key, "base_model": raw["baseModelArn"].rpartition("/")[2], "data": data},
            deleted=deleted,
        )


def _progress(raw: Mapping[str, Any], state: JobState) -> float | None:
    """Phases that are over, of three; Bedrock doesn't say how far a phase is."""
    if state is JobState.COMPLETED:
        return 1.0
    details = raw.get("statusDetails")
    if not details:
        return None
    over = [name for name in _PHASES if details.get(name, {}).get("status") == "Completed"]
    return len(over) / len(_PHASES)


def _metrics(raw: Mapping[str, Any]) -> dict[str, float]:
    values = {
        "training_loss": (raw.get("trainingMetrics") or {}).get("trainingLoss"),
        "validation_loss": next((one.get("validationLoss") for one in raw.get("validationMetrics") or ()), None),
    }
    return {name: float(value) for name, value in values.items() if value is not None}
