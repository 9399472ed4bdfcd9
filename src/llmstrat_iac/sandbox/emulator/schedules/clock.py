"""The sandbox's calendar: real time, or ahead of it by what `llmstrat sandbox advance` has added.

Schedules and bought capacity go by it, and the command line and programs are told it. Jobs, logs and functions keep
real time: a job that takes days at AWS takes seconds here anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Never goes back."""

    def __init__(self, real: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._real = real
        self.ahead = timedelta()

    def now(self) -> datetime:
        """The sandbox's time in UTC."""
        return self._real() + self.ahead

    def advance(self, by: timedelta) -> None:
        """Move forward; ValueError for a step back."""
        if by < timedelta():
            raise ValueError("the clock can't go back")
        self.ahead += by


CLOCK = Clock()
