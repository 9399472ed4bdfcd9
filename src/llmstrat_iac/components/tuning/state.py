"""What both doors do before a program with a job runs: a vendor's tuning, or an open model's training.

They ask S3 what a dataset there is, and whoever runs the jobs how far they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import import_module

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import (
    DatasetSource,
    JobState,
    ManagedJob,
    TuningJob,
    TuningJobs,
    TuningState,
    tuning_state,
)
from llmstrat_iac.tuning.identity import makes_model


def with_fingerprints(resolved: ResolvedSpec, session: AwsSession) -> ResolvedSpec:
    """The spec with the identity of its S3 objects filled in; LlmstratError if one can't be read."""
    job = resolved.job
    if job is None:
        return resolved
    train = _known(job.train, session)
    validation = None if job.validation is None else _known(job.validation, session)
    if resolved.tuning is not None:
        return replace(resolved, tuning=replace(resolved.tuning, train=train, validation=validation))
    if resolved.open_model is None or resolved.open_model.training is None:
        return resolved  # a corpus is known by its place
    return replace(resolved, open_model=resolved.open_model.with_data(train, validation))


def open_jobs(resolved: ResolvedSpec, session: AwsSession, target: Target, secrets: Mapping[str, str]) -> TuningJobs:
    """The jobs at run time, wherever they run."""
    module, _, function = _job(resolved).jobs.partition(":")
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

    LlmstratError if the job has failed and the spec says `on_failure: fail`, and if a training is under way where the
    cluster alone is to be tested.
    """
    wanted = _job(resolved)
    jobs = open_jobs(resolved, session, target, secrets).list()
    if not makes_model(wanted.identity):
        _require_idle(jobs)
    state = tuning_state(jobs, wanted.identity, retry=retry, deploy=deploy or wanted.serves_when_completed)
    job = state.current
    if job is not None and job.state is JobState.FAILED and wanted.fails_up:
        raise failed(job)
    return state


def _require_idle(jobs: Iterable[TuningJob]) -> None:
    """LlmstratError if a training is under way, whose place a test of the cluster would take."""
    for job in jobs:
        if job.makes_model and not job.state.over and not job.deleted:
            raise LlmstratError(
                f"the job {job.name} is {job.state}: a test of the cluster would end it and take its place",
                remedy="`llmstrat accept` shows what its own gate has found; else wait for its end or `llmstrat "
                "cancel` it, or take `cluster.acceptance: only` out of the spec",
            )


def failed(job: TuningJob) -> LlmstratError:
    """The error of a job that has failed."""
    return LlmstratError(
        f"the job {job.name} has failed: {job.failure or 'no reason is given'}",
        remedy="repair the data or the settings and run `llmstrat up`, or `llmstrat up --retry` to try the same again",
    )


def _job(resolved: ResolvedSpec) -> ManagedJob:
    assert resolved.job is not None, "only asked for specs with a job"
    return resolved.job


def _known(source: DatasetSource, session: AwsSession) -> DatasetSource:
    if source.path is not None or source.fingerprint is not None:
        return source
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, _, key = source.written.removeprefix("s3://").partition("/")
    try:
        head = session.client("s3").head_object(Bucket=bucket, Key=key)
    except (ClientError, BotoCoreError) as error:
        raise LlmstratError(
            f"dataset: `{source.written}` can't be read ({error})",
            remedy="check the name, and that whoever deploys may read the object",
        ) from error
    return replace(source, fingerprint=f"{head['ETag'].strip(chr(34))}:{head['ContentLength']}")
