"""What falls due is acted out in order, once, and tried again as far as another try can help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llmstrat_iac.sandbox.advance import Firing
from llmstrat_iac.sandbox.emulator.schedules import timetable
from llmstrat_iac.sandbox.emulator.schedules.clock import Clock
from llmstrat_iac.sandbox.emulator.schedules.expressions import Timing
from llmstrat_iac.sandbox.emulator.schedules.timetable import CallError, Occasion, Timetable

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Account:
    """Occasions by name, and the calls that they make; a name's failures come before its success."""

    calls: list[str] = field(default_factory=list)
    failures: dict[str, list[CallError]] = field(default_factory=dict)
    occasions: dict[str, Occasion] = field(default_factory=dict)

    def add(self, name: str, expression: str, **more: Any) -> None:
        async def act() -> None:
            self.calls.append(name)
            if self.failures.get(name):
                raise self.failures[name].pop(0)

        self.occasions[name] = Occasion("schedule", name, Timing(expression, created=NOON), "call", act, **more)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timetable, "_FIRST_PAUSE_SECONDS", 0.0)


def advance(account: Account, *steps: timedelta) -> list[list[Firing]]:
    table = Timetable(Clock(lambda: NOON), lambda: list(account.occasions.values()))

    async def run() -> list[list[Firing]]:
        return [await table.advance(step) for step in steps]

    return asyncio.run(run())


def test_all_that_is_skipped_happens_in_its_order(account: Account) -> None:
    account.add("evening", "cron(0 20 * * ? *)")
    account.add("morning", "cron(0 7 * * ? *)")
    account.add("last", "at(2026-11-25T08:00:00)")
    (fired,) = advance(account, timedelta(days=1))
    assert [(each.name, each.moment.hour) for each in fired] == [("evening", 20), ("morning", 7), ("last", 8)]


def test_nothing_happens_twice_or_early(account: Account) -> None:
    account.add("once", "at(2026-11-24T13:00:00)")
    before, at, after = advance(account, timedelta(minutes=59), timedelta(minutes=1), timedelta(days=9))
    assert ([each.name for each in before + after], [each.name for each in at]) == ([], ["once"])


def test_what_is_due_at_one_moment_happens_in_the_order_of_the_account(account: Account) -> None:
    for name in ("component", "endpoint"):
        account.add(name, "at(2026-11-24T13:00:00)")
    advance(account, timedelta(hours=1))
    assert account.calls == ["component", "endpoint"]


def test_a_failed_call_is_tried_again(account: Account) -> None:
    account.add("x", "at(2026-11-24T13:00:00)", retries=10)
    account.failures["x"] = [CallError("in use")] * 2
    ((fired,),) = advance(account, timedelta(hours=1))
    assert (fired.attempts, fired.failure) == (3, None)


@pytest.mark.parametrize(
    ("retries", "error", "attempts"),
    [(10, CallError("refused", final=True), 1), (0, CallError("in use"), 1), (2, CallError("in use"), 3)],
)
def test_not_more_often_than_it_may_or_can_help(
    account: Account, retries: int, error: CallError, attempts: int
) -> None:
    account.add("x", "at(2026-11-24T13:00:00)", retries=retries)
    account.failures["x"] = [error] * 99
    ((fired,),) = advance(account, timedelta(hours=1))
    assert (fired.attempts, fired.failure) == (attempts, str(error))


def test_what_happens_once_is_told_when_it_is_over(account: Account) -> None:
    over: list[str] = []
    note: Callable[[str], Callable[[], None]] = lambda name: lambda: over.append(name)  # noqa: E731
    account.add("once", "at(2026-11-24T13:00:00)", over=note("once"))
    account.add("always", "rate(1 hour)", over=note("always"))
    advance(account, timedelta(hours=2))
    assert over == ["once"]


def test_the_clock_never_goes_back() -> None:
    clock = Clock(lambda: NOON)
    clock.advance(timedelta(hours=25))
    with pytest.raises(ValueError, match="can't go back"):
        clock.advance(timedelta(hours=-1))
    assert clock.now() == NOON + timedelta(hours=25)
