"""How far OpenAI's fine-tuning jobs are. Their record stays for ever; those without model or data are history only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.components.tuning.names import METADATA_JOB, METADATA_STACK, attempt_of, identity_of
from llmstrat_iac.components.tuning.openai_resources import listed, openai_api
from llmstrat_iac.components.tuning.vendor_api import VendorApi
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobEvent, JobState, TuningJob

_STATES = {
    "validating_files": JobState.QUEUED,
    "queued": JobState.QUEUED,
    "running": JobState.RUNNING,
    "paused": JobState.RUNNING,
    "succeeded": JobState.COMPLETED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
}


def open_jobs(resolved: ResolvedSpec, _session: AwsSession, _target: Target, _secrets: Mapping[str, str]) -> OpenAiJobs:
    """The stack's jobs."""
    tuning = resolved.tuning
    assert tuning is not None, "only asked for specs with `tuning:`"
    assert tuning.credentials is not None, "the loader demands them"
    return OpenAiJobs(resolved.stack_name, openai_api(tuning.credentials.secret, tuning.region))


class OpenAiJobs:
    """Jobs by metadata."""

    def __init__(self, stack_name: str, api: VendorApi) -> None:
        self._stack_name = stack_name
        self._api = api

    def list(self) -> tuple[TuningJob, ...]:
        """All jobs that carry the stack's metadata, the newest first."""
        mine = [
            job
            for job in listed(self._api, "/fine_tuning/jobs")
            if (job.get("metadata") or {}).get(METADATA_STACK) == self._stack_name
        ]
        return tuple(self._job(job) for job in mine)

    def cancel(self, job: TuningJob) -> None:
        """Stop a running job."""
        self._api.post(f"/fine_tuning/jobs/{job.vendor_id}/cancel")

    def events(self, job: TuningJob) -> Iterator[JobEvent]:
        """The job's log."""
        for event in reversed(listed(self._api, f"/fine_tuning/jobs/{job.vendor_id}/events")):
            level = {"warn": "warning"}.get(event["level"], event["level"])
            yield JobEvent(_moment(event["created_at"]), level, event["message"])

    def _job(self, raw: Mapping[str, Any]) -> TuningJob:
        key = raw["metadata"][METADATA_JOB]
        state = _STATES.get(raw["status"], JobState.RUNNING)
        model = raw.get("fine_tuned_model") if state is JobState.COMPLETED else None
        failure = (raw.get("error") or {}).get("message")
        return TuningJob(
            identity=identity_of(key),
            attempt=attempt_of(key),
            name=raw["id"],
            vendor_id=raw["id"],
            state=state,
            created=_moment(raw["created_at"]),
            finished=_moment(raw["finished_at"]) if raw.get("finished_at") else None,
            progress=self._progress(raw, state),
            metrics=self._metrics(raw),
            failure=failure if state is JobState.FAILED else None,
            model_id=model,
            inputs={"key": key, "base_model": raw["model"]},
            deleted=self._is_gone(raw, state),
        )

    def _is_gone(self, raw: Mapping[str, Any], state: JobState) -> bool:
        if not state.over:
            return False
        wanted = (
            f"/models/{raw['fine_tuned_model']}" if raw.get("fine_tuned_model") else f"/files/{raw['training_file']}"
        )
        return self._api.find(wanted) is None

    def _progress(self, raw: Mapping[str, Any], state: JobState) -> float | None:
        """Steps done of all, as the newest event with figures says."""
        if state is JobState.COMPLETED:
            return 1.0
        figures = self._figures(raw) if state is JobState.RUNNING else {}
        step, steps = figures.get("step"), figures.get("total_steps")
        return float(step) / float(steps) if step and steps else None

    def _metrics(self, raw: Mapping[str, Any]) -> dict[str, float]:
        known = {"trained_tokens": raw.get("trained_tokens")}
        if raw["status"] in ("running", "succeeded"):
            figures = self._figures(raw)
            known |= {"training_loss": figures.get("train_loss"), "validation_loss": figures.get("valid_loss")}
        return {name: float(value) for name, value in known.items() if value is not None}

    def _figures(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._api.get(f"/fine_tuning/jobs/{raw['id']}/events", limit="20")
        return next((event["data"] for event in answer.get("data") or () if (event.get("data") or {}).get("step")), {})


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
