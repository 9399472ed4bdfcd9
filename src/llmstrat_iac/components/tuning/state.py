"""What both doors do before a program with tuning runs.

They ask S3 what a dataset there is, and the vendor how far its jobs are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import (
    DatasetSource,
    JobState,
    ResolvedTuning,
    TuningJob,
    TuningJobs,
    TuningState,
    tuning_state,
)


def with_fingerprints(resolved: ResolvedSpec, session: AwsSession) -> ResolvedSpec:
    """The spec with the identity of its S3 objects filled in; LlmstratError if one can't be read."""
    tuning = resolved.tuning
    if tuning is None:
        return resolved
    validation = None if tuning.validation is None else _known(tuning.validation, session)
    return replace(resolved, tuning=replace(tuning, train=_known(tuning.train, session), validation=validation))


def open_jobs(resolved: ResolvedSpec, session: AwsSession, target: Target, secrets: Mapping[str, str]) -> TuningJobs:
    """The vendor's jobs at run time."""
    module, _, function = _tuning(resolved).tuning.jobs.partition(":")
    jobs: TuningJobs = getattr(import_module(module), function)(resolved, session, target, secrets)
    return jobs


def read_state(
    resolved: ResolvedSpec,
    session: AwsSession,
    target: Target,
    secrets: Mapping[str, str],
    *,
    retry: bool = False,
    deploy: bool = False,
) -> TuningState:
    """The jobs that matter. `deploy` serves a completed model even if the spec says `deploy: manual`.

    LlmstratError if the job has failed and the spec says `on_failure: fail`.
    """
    tuning = _tuning(resolved)
    jobs = open_jobs(resolved, session, target, secrets).list()
    state = tuning_state(jobs, tuning.identity, retry=retry, deploy=deploy or tuning.block.deploy == "when-completed")
    job = state.current
    if job is not None and job.state is JobState.FAILED and tuning.block.on_failure == "fail":
        raise failed(job)
    return state


def failed(job: TuningJob) -> LlmstratError:
    """The error of a job that has failed."""
    return LlmstratError(
        f"the tuning job {job.name} has failed: {job.failure or 'the vendor gives no reason'}",
        remedy="repair the data or the settings and run `llmstrat up`, or `llmstrat up --retry` to try the same again",
    )


def _tuning(resolved: ResolvedSpec) -> ResolvedTuning:
    assert resolved.tuning is not None, "only asked for specs with `tuning:`"
    return resolved.tuning


def _known(source: DatasetSource, session: AwsSession) -> DatasetSource:
    if source.path is not None or source.fingerprint is not None:
        return source
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = source.written.removeprefix("s3://").partition("/")
    try:
        head = session.client("s3").head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        raise LlmstratError(
            f"tuning.dataset: `{source.written}` can't be read ({error})",
            remedy="check the name, and that whoever deploys may read the object",
        ) from error
    return replace(source, fingerprint=f"{head['ETag'].strip(chr(34))}:{head['ContentLength']}")
