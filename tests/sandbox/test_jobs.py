"""A job's course is told by the clock alone, and faults by names and data."""

from __future__ import annotations

import pytest
from sandbox_kit import standing_time

from llmstrat_iac.sandbox.jobs import Course, Faults, Phase, at_one_moment, clock, losses
from llmstrat_iac.sandbox.vendor.crc32c import crc32c


def course(**fields: object) -> Course:
    return Course(seconds=10.0, begun=100.0, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "phases"),
    [
        ({}, {100: "queued", 101: "validating", 102.5: "training", 109.9: "training", 110: "completed"}),
        ({"complaint": "no"}, {102.4: "validating", 102.5: "failed", 200: "failed"}),
        ({"mishap": "halfway"}, {106: "training", 106.3: "failed"}),
        ({"mishap": "slow"}, {110: "queued", 210: "training", 221: "completed"}),
        ({"halts": 0.5}, {109: "training", 1000: "training"}),
        ({"halts": 0.5, "complaint": "no"}, {102.5: "failed"}),
        ({"stopped": 104.0}, {104.05: "stopping", 104.1: "stopped", 200: "stopped"}),
    ],
)
def test_phases_follow_the_clock(fields: dict[str, object], phases: dict[float, str]) -> None:
    made = course(**fields)
    assert {moment: str(made.phase(moment)) for moment in phases} == phases


def test_training_is_told_by_share() -> None:
    assert [course().trained(moment) for moment in (100, 102.5, 106.25, 110, 200)] == [0, 0, 0.5, 1, 1]
    assert course(complaint="no").trained(200) == 0
    assert course(mishap="halfway").trained(200) == 0.5
    assert course(halts=0.5).trained(200) == 0.5
    assert (course(halts=0.5).halted, course().halted) == (True, False)


def test_time_stands_still_and_goes_on_as_told() -> None:
    with standing_time() as go_on:
        made = Course(seconds=10.0)
        assert (clock(), str(made.phase())) == (made.begun, "queued")
        go_on(5)
        assert (clock(), str(made.phase())) == (made.begun + 5, "training")
        with at_one_moment():
            go_on(5)
            assert clock() == made.begun + 5
        assert made.phase() is Phase.COMPLETED
    assert clock() != made.begun + 10


def test_only_what_runs_is_stopped() -> None:
    made = Course(seconds=60.0)
    assert [made.stop(), made.stop()] == [True, False]
    assert not course().stop()
    assert course().phase() is Phase.COMPLETED


def test_faults_are_asked_for_by_name_or_data() -> None:
    faults = Faults()
    assert faults.refusal("stack-fault-quota-1a2b") == "quota"
    assert [faults.refusal("a-fault-500x2") for _ in range(3)] == ["500", "500", None]
    assert faults.refusal("default-500", None, "fault-tolerant") is None
    assert faults.mishap(("fault-slow",)) == "slow"
    assert faults.mishap(("x",), b'{"text": "llmstrat-fault-halfway"}') == "halfway"
    assert faults.mishap(("x",), b'{"text": "fault-halfway"}') is None


def test_losses_fall() -> None:
    curve = losses(0.5, 20)
    assert len(curve) == 10
    assert sorted(curve, reverse=True) == curve


def test_the_sum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == "4waSgw=="
