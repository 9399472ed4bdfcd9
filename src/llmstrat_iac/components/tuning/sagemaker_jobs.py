"""How far SageMaker's customization jobs are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmstrat_iac.components.sagemaker.training_jobs import TrainingJobs, failure_of, metrics_of, state_of
from llmstrat_iac.components.tuning.aws_errors import object_exists
from llmstrat_iac.components.tuning.names import attempt_of, identity_of
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobState, TuningJob


def open_jobs(
    resolved: ResolvedSpec, session: AwsSession, _target: Target, _secrets: Mapping[str, str]
) -> SageMakerJobs:
    """The stack's jobs."""
    return SageMakerJobs(resolved.stack_name, session)


class SageMakerJobs(TrainingJobs):
    """Serverless customizations: jobs that have no instances of their own."""

    def _job(self, name: str, key: str, raw: Mapping[str, Any]) -> TuningJob | None:
        if "ServerlessJobConfig" not in raw:
            return None
        state, data = state_of(raw), _train_uri(raw)
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
            metrics=metrics_of(raw),
            failure=failure_of(raw),
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
