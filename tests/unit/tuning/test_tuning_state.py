"""Which of a stack's jobs is current, which serves, and which attempt the next one is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from llmstrat_iac.tuning import JobState, TuningJob, TuningState, tuning_state

START = datetime(2026, 11, 1, tzinfo=UTC)


def job(identity: str, state: JobState, hours: float = 0, *, deleted: bool = False) -> TuningJob:
    """A job that was created some hours after the start."""
    name = f"{identity}-{hours:g}"
    created = START + timedelta(hours=hours)
    return TuningJob(identity, name, name, state, created=created, deleted=deleted)


OLD = job("old", JobState.COMPLETED)
OLDER = job("older", JobState.COMPLETED, -5)


def test_without_jobs_the_first_attempt_is_next() -> None:
    assert tuning_state([], "new") == TuningState(None, None, 1)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.FAILED, JobState.CANCELLED])
def test_the_old_model_serves_until_the_new_one_is_completed(state: JobState) -> None:
    found = tuning_state([OLDER, OLD, job("new", state, 1)], "new")
    assert (found.current, found.serving, found.served) == (job("new", state, 1), OLD, OLD)


def test_a_completed_job_serves_alone() -> None:
    new = job("new", JobState.COMPLETED, 1)
    found = tuning_state([new, OLD], "new")
    assert (found.current, found.serving, found.served) == (new, None, new)


def test_a_changed_dataset_has_no_current_job_while_the_old_one_serves() -> None:
    found = tuning_state([OLD, OLDER], "new")
    assert (found.current, found.serving, found.attempt) == (None, OLD, 1)


def test_deploying_by_hand_keeps_the_old_model_beside_the_completed_one() -> None:
    new = job("new", JobState.COMPLETED, 1)
    found = tuning_state([new, OLD], "new", deploy=False)
    assert (found.current, found.serving, found.served) == (new, OLD, OLD)


def test_a_retry_is_another_attempt() -> None:
    failed = job("new", JobState.FAILED, 1)
    assert tuning_state([failed], "new").attempt == 1
    again = tuning_state([failed], "new", retry=True)
    assert (again.current, again.attempt) == (None, 2)
    second = replace(job("new", JobState.RUNNING, 2), attempt=2)
    assert tuning_state([second, failed], "new") == TuningState(second, None, 2)


def test_going_back_to_data_whose_model_was_deleted_trains_again() -> None:
    gone = job("new", JobState.COMPLETED, 1, deleted=True)
    found = tuning_state([gone, OLD], "new")
    assert (found.current, found.serving, found.attempt) == (None, OLD, 2)


def test_going_back_to_data_whose_model_is_there_costs_nothing() -> None:
    found = tuning_state([job("newer", JobState.COMPLETED, 9), OLD], "old")
    assert (found.current, found.served) == (OLD, OLD)


def test_a_deleted_model_never_serves() -> None:
    gone = job("old", JobState.COMPLETED, deleted=True)
    assert tuning_state([gone], "new").served is None


def test_a_tested_cluster_is_no_model() -> None:
    """Neither beside the training that follows, nor when somebody releases it by hand."""
    tested = job("gate0123abcd", JobState.COMPLETED, 2)
    assert tuning_state([tested], "new").serving is None
    assert tuning_state([tested, OLD], "new").served == OLD
    alone = tuning_state([tested, OLD], "gate0123abcd", deploy=True)
    assert (alone.current, alone.served) == (tested, None)
    assert tuning_state([tested, OLD], "gate0123abcd", deploy=False).served == OLD


def test_a_test_that_has_passed_is_repeated_for_the_asking() -> None:
    tested = job("gate0123abcd", JobState.COMPLETED, 2)
    assert tuning_state([tested], "gate0123abcd").current == tested
    again = tuning_state([tested], "gate0123abcd", retry=True)
    assert (again.current, again.attempt) == (None, 2)
    running = job("gate0123abcd", JobState.RUNNING, 3)
    assert tuning_state([running], "gate0123abcd", retry=True).current == running
    assert tuning_state([OLD], "old", retry=True).current == OLD
