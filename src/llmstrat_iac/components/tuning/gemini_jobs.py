"""How far Gemini's tuning jobs are. Their record stays; those without model or data are history only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.components.tuning.gemini_resources import find_object, platform_api, storage_api
from llmstrat_iac.components.tuning.names import METADATA_JOB, METADATA_STACK, attempt_of, identity_of
from llmstrat_iac.components.tuning.vendor_api import VendorApi, pages
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobEvent, JobState, TuningJob

_STATES = {
    "JOB_STATE_QUEUED": JobState.QUEUED,
    "JOB_STATE_PENDING": JobState.QUEUED,
    "JOB_STATE_RUNNING": JobState.RUNNING,
    "JOB_STATE_CANCELLING": JobState.RUNNING,
    "JOB_STATE_SUCCEEDED": JobState.COMPLETED,
    "JOB_STATE_FAILED": JobState.FAILED,
    "JOB_STATE_EXPIRED": JobState.FAILED,
    "JOB_STATE_PARTIALLY_SUCCEEDED": JobState.FAILED,
    "JOB_STATE_CANCELLED": JobState.CANCELLED,
}
_SPECS = ("supervisedTuningSpec", "preferenceOptimizationSpec")
_STATS = {"totalBillableTokenCount": "billable_tokens", "tuningDatasetExampleCount": "examples"}


def open_jobs(resolved: ResolvedSpec, _session: AwsSession, _target: Target, _secrets: Mapping[str, str]) -> GeminiJobs:
    """The stack's jobs."""
    tuning = resolved.tuning
    assert tuning is not None, "only asked for specs with `tuning:`"
    assert tuning.credentials is not None, "the loader demands them"
    reference, options = tuning.credentials.secret, tuning.options
    return GeminiJobs(
        resolved.stack_name,
        f"projects/{options.project}/locations/{options.location}",
        platform_api(reference, tuning.region, options.location),
        storage_api(reference, tuning.region),
    )


class GeminiJobs:
    """Jobs by label."""

    def __init__(self, stack_name: str, parent: str, platform: VendorApi, storage: VendorApi) -> None:
        self._stack_name = stack_name
        self._parent = parent
        self._platform = platform
        self._storage = storage

    def list(self) -> tuple[TuningJob, ...]:
        """All jobs that carry the stack's label, the newest first."""
        found = [
            self._job(job)
            for job in pages(self._platform, f"/{self._parent}/tuningJobs", "tuningJobs")
            if (job.get("labels") or {}).get(METADATA_STACK) == self._stack_name
        ]
        return tuple(sorted(found, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True))

    def cancel(self, job: TuningJob) -> None:
        """Stop a running job."""
        self._platform.post(f"/{job.vendor_id}:cancel")

    def events(self, job: TuningJob) -> Iterator[JobEvent]:
        """What the job's times say: Google has no log of a job."""
        raw = self._platform.get(f"/{job.vendor_id}")
        for name, text in (("createTime", "created"), ("startTime", "started"), ("endTime", raw["state"])):
            if raw.get(name):
                yield JobEvent(_moment(raw[name]), "info", text)
        if raw.get("error"):
            yield JobEvent(_moment(raw.get("endTime") or raw["updateTime"]), "error", raw["error"].get("message", ""))

    def _job(self, raw: Mapping[str, Any]) -> TuningJob:
        key = raw["labels"][METADATA_JOB]
        state = _STATES.get(raw["state"], JobState.RUNNING)
        tuned = raw.get("tunedModel") or {}
        return TuningJob(
            identity=identity_of(key),
            attempt=attempt_of(key),
            name=raw.get("tunedModelDisplayName") or raw["name"],
            vendor_id=raw["name"],
            state=state,
            created=_moment(raw["createTime"]),
            finished=_moment(raw["endTime"]) if raw.get("endTime") else None,
            # Google doesn't say how far a job is.
            progress=1.0 if state is JobState.COMPLETED else None,
            metrics=_metrics(raw),
            failure=(raw.get("error") or {}).get("message") if state is JobState.FAILED else None,
            model_id=tuned.get("endpoint") if state is JobState.COMPLETED else None,
            inputs={"key": key, "base_model": raw.get("baseModel", ""), "endpoint": tuned.get("endpoint") or ""},
            deleted=self._is_gone(raw, state),
        )

    def _is_gone(self, raw: Mapping[str, Any], state: JobState) -> bool:
        if not state.over:
            return False
        endpoint = (raw.get("tunedModel") or {}).get("endpoint")
        if endpoint:
            return self._platform.find(f"/{endpoint}") is None
        spec: Mapping[str, Any] = next((raw[name] for name in _SPECS if raw.get(name)), {})
        bucket, _, name = str(spec.get("trainingDatasetUri", "")).removeprefix("gs://").partition("/")
        return bool(name) and find_object(self._storage, bucket, name) is None


def _metrics(raw: Mapping[str, Any]) -> dict[str, float]:
    """Figures of the data: Google gives losses to its own experiments only."""
    stats: Mapping[str, Any] = next(iter((raw.get("tuningDataStats") or {}).values()), {})
    return {ours: float(stats[theirs]) for theirs, ours in _STATS.items() if stats.get(theirs) is not None}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
