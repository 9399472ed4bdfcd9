"""How far trainings are, on one instance or many: SageMaker's own state, and what the launcher says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.components.leftovers import pages
from llmstrat_iac.components.sagemaker.names import JOB_URI, TRAINING_LOG
from llmstrat_iac.components.sagemaker.training_jobs import TrainingJobs, failure_of, metrics_of, state_of
from llmstrat_iac.components.tuning.aws_errors import explained
from llmstrat_iac.components.tuning.names import attempt_of, identity_of
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobEvent, JobState, TuningJob
from llmstrat_iac.tuning.identity import makes_model

_NO_FILE = frozenset({"404", "403", "AccessDenied", "NoSuchKey", "NoSuchBucket"})
_LOG_LINES = 2000
"""Of a job's log, the last so many."""


def open_jobs(
    resolved: ResolvedSpec, session: AwsSession, _target: Target, _secrets: Mapping[str, str]
) -> OpenModelJobs:
    """The stack's jobs."""
    return OpenModelJobs(resolved.stack_name, session)


class OpenModelJobs(TrainingJobs):
    """Jobs on instances."""

    def events(self, job: TuningJob) -> Iterator[JobEvent]:
        """The job's transitions and its container's log, in the order of time."""
        events = [*super().events(job), *self._log(job.name)]
        yield from sorted(events, key=lambda event: event.at)

    def _log(self, name: str) -> list[JobEvent]:
        """Nothing while there is no log yet."""
        client = self._session.client("logs")
        arguments = {"logGroupName": TRAINING_LOG, "logStreamNamePrefix": f"{name}/"}
        with explained(f"the log of the job {name} can't be read"):
            try:
                lines = [
                    JobEvent(datetime.fromtimestamp(line["timestamp"] / 1000, UTC), "info", line["message"].rstrip())
                    for line in pages(client, "filter_log_events", "events", **arguments)
                ]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                return []
        return lines[-_LOG_LINES:]

    def _job(self, name: str, key: str, raw: Mapping[str, Any]) -> TuningJob | None:
        if "ServerlessJobConfig" in raw:
            return None
        state, facts = state_of(raw), raw.get("HyperParameters") or {}
        status = self._status(raw)
        return TuningJob(
            identity=identity_of(key),
            attempt=attempt_of(key),
            name=name,
            vendor_id=raw["TrainingJobArn"],
            state=state,
            created=raw["CreationTime"],
            finished=raw.get("TrainingEndTime"),
            progress=1.0 if state is JobState.COMPLETED else _progress(status),
            metrics=metrics_of(raw) | _numbers(status.get("metrics")) | _numbers(_cluster_part(status)),
            failure=_failure(raw, status),
            # Where the weights are: whoever serves them needs nothing else.
            model_id=f"{_output(raw)}/" if state is JobState.COMPLETED and makes_model(key) else None,
            inputs={"key": key, **({"rank": facts["rank"]} if "rank" in facts else {})},
        )

    def _status(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """The launcher's `status.json`; empty if there is none."""
        folder = _status_folder(raw)
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        if not bucket:
            return {}
        try:
            body = self._session.client("s3").get_object(Bucket=bucket, Key=f"{prefix.rstrip('/')}/status.json")["Body"]
            status = json.loads(body.read())
        except ClientError as error:
            if error.response["Error"]["Code"] in _NO_FILE:
                return {}
            raise
        except ValueError:  # being written
            return {}
        return status if isinstance(status, dict) else {}


def _status_folder(raw: Mapping[str, Any]) -> str:
    """A cluster's launcher writes it to the job's place in S3; of others SageMaker copies it beside the checkpoints."""
    return _job_uri(raw) or str((raw.get("CheckpointConfig") or {}).get("S3Uri", ""))


def _job_uri(raw: Mapping[str, Any]) -> str:
    return str((raw.get("Environment") or {}).get(JOB_URI, "")).rstrip("/")


def _output(raw: Mapping[str, Any]) -> str:
    """Without a slash behind it. A cluster's launcher writes the model itself, which is more than a node's disk."""
    if uri := _job_uri(raw):
        return f"{uri}/output"
    return str((raw.get("ModelArtifacts") or {}).get("S3ModelArtifacts", "")).rstrip("/")


def _failure(raw: Mapping[str, Any], status: Mapping[str, Any]) -> str | None:
    """What the cluster's launcher says, who knows which node it was; else what SageMaker says."""
    told = failure_of(raw)
    said = status.get("failure") if told is not None and _job_uri(raw) else None
    ended = raw.get("SecondaryStatus") == "Failed"
    return str(said) if said and ended else told


def _cluster_part(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: status[name] for name in ("loss", "tokens_per_second", "nodes") if name in status}


def _progress(status: Mapping[str, Any]) -> float | None:
    step, total = status.get("step"), status.get("total_steps")
    if not isinstance(step, int) or not isinstance(total, int) or total <= 0:
        return None
    return min(1.0, step / total)


def _numbers(found: Any) -> dict[str, float]:
    metrics = found if isinstance(found, Mapping) else {}
    return {str(name): float(value) for name, value in metrics.items() if isinstance(value, int | float)}
