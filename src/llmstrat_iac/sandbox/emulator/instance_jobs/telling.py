"""How SageMaker tells a job on instances: its secondary states, the interruption of spot capacity, what is billed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmstrat_iac.sandbox.jobs import Course, Phase, clock

RECLAIM = "reclaim"
# When spot capacity is taken away and given back, in shares of the training.
_TAKEN, _GIVEN, _AGAIN = 0.4, 0.5, 0.6
_SPOT_SHARE = 0.3
_WORDS = {
    Phase.QUEUED: "Starting", Phase.VALIDATING: "Downloading", Phase.TRAINING: "Training",
    Phase.COMPLETED: "Completed", Phase.FAILED: "Failed", Phase.STOPPING: "Stopping", Phase.STOPPED: "Stopped",
}  # fmt: skip
_MESSAGES = {
    "Starting": "Launching requested ML instances",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "Training job interrupted as the spot capacity was reclaimed",
    "Restarting": "Restarting the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
}


def secondary(course: Course) -> str:
    """The secondary status now."""
    if clock() < course.begun and course.stopped is None:
        return "Pending"
    phase = course.phase()
    if phase is Phase.TRAINING and course.mishap == RECLAIM:
        share = course.trained()
        if _TAKEN <= share < _GIVEN:
            return "Interrupted"
        if _GIVEN <= share < _AGAIN:
            return "Restarting"
    return _WORDS[phase]


def interrupted(course: Course) -> bool:
    """Whether spot capacity has been taken away by now, given back or not: nobody need look at the right moment."""
    return course.mishap == RECLAIM and course.trained() >= _TAKEN


def transitions(course: Course) -> list[dict[str, Any]]:
    """The states that it has been in, each with its time."""
    marks = [mark for mark in _marks(course) if mark[1] <= clock()]
    ends = [*(at for _, at in marks[1:]), None] if marks else []
    return [
        {"Status": word, "StartTime": at, **({"EndTime": end} if end else {}), "StatusMessage": _MESSAGES[word]}
        for (word, at), end in zip(marks, ends, strict=True)
    ]


def _marks(course: Course) -> Iterator[tuple[str, float]]:
    start = course.training_from
    yield "Starting", course.begun
    if start is not None:
        yield "Training", start
        length = course.begun + course.seconds - start
        if course.mishap == RECLAIM:
            parts = {"Interrupted": _TAKEN, "Restarting": _GIVEN, "Training": _AGAIN}
            yield from ((word, start + share * length) for word, share in parts.items())
    if course.phase().over:
        yield _WORDS[course.phase()], course.ends


def billing(course: Course, *, spot: bool) -> dict[str, int]:
    """What a job that is over took and costs, in seconds: spot capacity is billed for a part, as its price is."""
    start = course.training_from
    if not course.phase().over or start is None:
        return {}
    seconds = max(10, round(course.ends - start))
    return {
        "TrainingTimeInSeconds": seconds,
        "BillableTimeInSeconds": round(_SPOT_SHARE * seconds) if spot else seconds,
    }
