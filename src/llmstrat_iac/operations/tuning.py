"""Follows a stack's jobs: a vendor's tuning, or a training of its own.

What is going on, waiting for the end, cancelling, and what the next `up` will do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from llmstrat_iac.components.tuning.state import failed, open_jobs, read_state, with_fingerprints
from llmstrat_iac.engine.results import Snapshot
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.operations.deployment import Deployment
from llmstrat_iac.program import secrets_from_environment
from llmstrat_iac.tuning import JobState, TuningJob, TuningJobs, TuningState
from llmstrat_iac.tuning.identity import makes_model

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.5, 30.0, 1.5
"""Seconds between two looks at a job: short at first, for a job that is refused at once."""


def with_known_data(deployment: Deployment) -> Deployment:
    """The deployment with what S3 says about the dataset."""
    return replace(deployment, resolved=with_fingerprints(deployment.resolved, deployment.session()))


def current_state(
    deployment: Deployment,
    secrets: Mapping[str, str],
    snapshot: Snapshot | None,
    *,
    retry: bool = False,
    deploy: bool = False,
) -> TuningState:
    """The jobs that matter, for the program. A model that was released once stays released."""
    return read_state(
        deployment.resolved,
        deployment.session(),
        deployment.target,
        secrets,
        retry=retry,
        deploy=deploy or served_identity(snapshot) == _identity(deployment),
    )


def known_identity(snapshot: Snapshot | None) -> str | None:
    """The identity of the data and settings at the last `up`."""
    return _output(snapshot, "identity")


def served_identity(snapshot: Snapshot | None) -> str | None:
    """The identity of the model that the last `up` left serving."""
    return _output(snapshot, "served_identity")


def abandoned_model(resolved: ResolvedSpec, snapshot: Snapshot | None) -> str | None:
    """Where the trained model is that goes with the stack's bucket, since the spec has moved on to a strategy without
    one; None if there is nothing to lose."""
    if resolved.open_model is not None or resolved.pretraining is not None:
        return None
    place = _output(snapshot, "served_model") or ""
    bucket = snapshot.outputs.values.get("artifacts_bucket") if snapshot else None
    return place if bucket and place.startswith(f"s3://{bucket}/") else None


def _output(snapshot: Snapshot | None, name: str) -> str | None:
    outputs = snapshot.outputs.values.get("job") if snapshot else None
    value = outputs.get(name) if isinstance(outputs, Mapping) else None
    return None if value is None else str(value)


def _identity(deployment: Deployment) -> str:
    assert deployment.resolved.job is not None, "only asked for specs with a job"
    return deployment.resolved.job.identity


class Follower:
    """A stack's jobs at run time."""

    def __init__(self, deployment: Deployment, environment: Mapping[str, str]) -> None:
        if deployment.resolved.job is None:
            raise LlmstratError(
                f"`{deployment.name}` trains nothing: its spec has neither `tuning:` nor `training:`",
                remedy="`llmstrat strategies` says which strategy does",
            )
        secrets = secrets_from_environment(deployment.resolved, environment)
        self.jobs: TuningJobs = open_jobs(deployment.resolved, deployment.session(), deployment.target, secrets)
        # What `up` has started, not what it would start now: the file may have been edited since.
        self._identity = known_identity(deployment.snapshot()) or _identity(with_known_data(deployment))

    def current(self) -> TuningJob:
        """The job that `up` has started; LlmstratError if there is none."""
        job = self.find()
        if job is None:
            raise LlmstratError("there is no job", remedy="`llmstrat up` starts one")
        return job

    def find(self) -> TuningJob | None:
        """The job that `up` has started, if there is one."""
        return next((job for job in self.jobs.list() if job.identity == self._identity and not job.deleted), None)

    def watch(self, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[TuningJob]:
        """Yield the job as it is, again and again, until it is over."""
        pause = _FIRST_PAUSE
        while True:
            job = self.current()
            yield job
            if job.state.over:
                return
            sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)

    def cancel(self) -> TuningJob:
        """Stop the job; LlmstratError if it is over already."""
        job = self.current()
        if job.state.over:
            raise LlmstratError(f"the job {job.name} is {job.state} already", remedy="there is nothing to cancel")
        self.jobs.cancel(job)
        return job


def require_completed(job: TuningJob) -> None:
    """LlmstratError with the reason unless the job is completed."""
    if job.state is JobState.FAILED:
        raise failed(job)
    if job.state is JobState.CANCELLED:
        raise LlmstratError(f"the job {job.name} was cancelled", remedy="`llmstrat up --retry` starts it anew")


def what_up_does(state: TuningState, snapshot: Snapshot | None, identity: str, *, serves: bool) -> str:
    """One line: what an `up` in this state does about the job. `serves`: whether its model is to answer anybody."""
    if not makes_model(identity):
        return _what_a_test_does(state.current)
    return _what_a_training_does(state, snapshot, identity, serves=serves)


def _what_a_training_does(state: TuningState, snapshot: Snapshot | None, identity: str, *, serves: bool) -> str:
    job, before = state.current, known_identity(snapshot)
    if job is None:
        why = "there is none for this data yet"
        if state.attempt > 1:
            why = f"attempt {state.attempt}, since the one before has failed or was cancelled"
        elif before is not None and before != identity:
            changed = "data or settings have changed since the last `up`"
            why = changed if makes_model(before) else "the last `up` only tested the cluster"
        serving = f"; {state.serving.name} serves until it is completed" if state.serving else ""
        return f"starts a job: {why}{serving}"
    if job.state is JobState.COMPLETED and not serves:
        return f"{job.name} is completed; what it has made is at {job.model_id or 'the vendor'}"
    if job.state is JobState.COMPLETED:
        served = "is served" if state.deploy else "isn't deployed (`deploy: manual`; `up --deploy` does)"
        return f"{job.name} is completed and {served}"
    if job.state is JobState.FAILED:
        return f"{job.name} has failed ({job.failure or 'no reason given'}); `up --retry` tries again"
    if job.state is JobState.CANCELLED:
        return f"{job.name} was cancelled; `up --retry` starts it anew"
    return f"{job.name} is {job.state}; run `up` again when it is completed, or `up --wait`"


def _what_a_test_does(job: TuningJob | None) -> str:
    if job is None:
        return "starts a job that tests the cluster, and trains nothing (`cluster.acceptance: only`)"
    if job.state is JobState.COMPLETED:
        return f"{job.name}: the cluster was accepted; `accept --run` tests it again, `before-training` trains"
    if job.state.over:
        why = f": {job.failure}" if job.failure else ""
        return f"{job.name} is {job.state}{why}; `accept --run` tests the cluster again"
    return f"{job.name} tests the cluster; `accept` waits for its verdict"
