"""Acts out what falls due, one moment after the other: as real time passes, and at once when the clock is moved."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmstrat_iac.sandbox.advance import Firing
from llmstrat_iac.sandbox.emulator.schedules.clock import Clock
from llmstrat_iac.sandbox.emulator.schedules.expressions import Timing

_LOG = logging.getLogger("llmstrat.schedules")
_LOOK_SECONDS = 1.0
# What AWS tries again over minutes and hours is tried again within seconds here, and not as often.
_MOST_RETRIES = 4
_FIRST_PAUSE_SECONDS = 0.5


class CallError(Exception):
    """A call that failed, and what AWS says; `final` if another try can't change that."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True)
class Occasion:
    """Something in the account that happens by the calendar."""

    kind: str
    name: str
    timing: Timing
    call: str
    """What it calls, in words."""
    act: Callable[[], Awaitable[None]]
    """Makes the call; raises CallError."""
    retries: int = 0
    over: Callable[[], object] = lambda: None
    """Called after the one time of something that happens once."""


class Timetable:
    """Keeps to a clock: what is due after the last look and until now is acted out, in order, and kept to be told."""

    def __init__(self, clock: Clock, occasions: Callable[[], Iterable[Occasion]]) -> None:
        self._clock = clock
        self._occasions = occasions
        self._done_until = clock.now()
        self._lock = asyncio.Lock()
        self._untold: list[Firing] = []

    async def run(self) -> None:
        """Act out what falls due, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.catch_up()

    async def advance(self, by: timedelta) -> list[Firing]:
        """Move the clock forward and act out what that skips; returns all that has fired since the last call."""
        self._clock.advance(by)
        await self.catch_up()
        told, self._untold = self._untold, []
        return told

    async def catch_up(self) -> None:
        """Act out what is due by now."""
        async with self._lock:
            until = self._clock.now()
            while due := self._due(until):
                self._done_until = due[0]
                for occasion in due[1]:
                    self._untold.append(await _fire(occasion, due[0]))
            self._done_until = until

    def _due(self, until: datetime) -> tuple[datetime, list[Occasion]] | None:
        """The next moment at which anything is due, and all that is due then."""
        moments = [(each.timing.next_after(self._done_until), each) for each in self._occasions()]
        first = min((moment for moment, _ in moments if moment is not None), default=None)
        if first is None or first > until:
            return None
        return first, [occasion for moment, occasion in moments if moment == first]


async def _fire(occasion: Occasion, moment: datetime) -> Firing:
    attempts, failure = 0, None
    most = 1 + min(occasion.retries, _MOST_RETRIES)
    while attempts < most:
        if attempts:
            await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2 ** (attempts - 1))
        attempts += 1
        try:
            await occasion.act()
            failure = None
            break
        except CallError as error:
            failure = str(error)
            if error.final:
                break
    if occasion.timing.once:
        occasion.over()
    _LOG.warning("%s %s called %s: %s", occasion.kind, occasion.name, occasion.call, failure or "done")
    return Firing(moment, occasion.kind, occasion.name, occasion.call, attempts, failure)
