"""When a schedule falls due: `at()`, `rate()` and `cron()` of EventBridge Scheduler, and Auto Scaling's five fields.

Local times that a change to summer time leaves out are skipped, and those that it repeats count once:
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from llmstrat_iac.spec.cron import check_cron

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True)
class Timing:
    """When something happens. `created` is where a rate counts from if nothing says `start`; all moments are aware.

    `unix` expressions have cron's five fields and nothing around them.
    """

    expression: str
    created: datetime
    zone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    unix: bool = False

    @property
    def once(self) -> bool:
        """Whether it happens a single time."""
        return _AT.fullmatch(self.expression.strip()) is not None

    def check(self) -> None:
        """ValueError if AWS wouldn't take it."""
        _zone(self.zone)
        self._next(self.created)

    def next_after(self, moment: datetime) -> datetime | None:
        """The first time after a moment, in UTC; None if there is none."""
        if self.start is not None:
            moment = max(moment, self.start - timedelta(microseconds=1))
        due = self._next(moment)
        return None if due is None or (self.end is not None and due > self.end) else due

    def _next(self, moment: datetime) -> datetime | None:
        expression = self.expression.strip()
        if found := _AT.fullmatch(expression):
            due = datetime.fromisoformat(found[1]).replace(tzinfo=_zone(self.zone)).astimezone(UTC)
            return due if due > moment else None
        if found := _RATE.fullmatch(expression):
            return self._by_rate(timedelta(**{f"{found[2]}s": int(found[1])}), moment)
        crons = _aws_crons(expression) if self.unix else (expression,)
        fields = [_aws_fields(each) for each in crons]
        return min(filter(None, (_by_cron(each, _zone(self.zone), moment) for each in fields)), default=None)

    def _by_rate(self, interval: timedelta, moment: datetime) -> datetime:
        first = self.start or self.created
        passed = (moment - first) // interval + 1
        return first + max(0, passed) * interval


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"there is no time zone {name}") from error


def _aws_crons(expression: str) -> Iterator[str]:
    """Six-field expressions that together mean what Unix's five fields do, which take either of two kinds of days."""
    minute, hour, day, month, weekday = check_cron(expression).split()
    if day != "*" or weekday == "*":
        yield f"cron({minute} {hour} {day} {month} ? *)"
    if weekday != "*":
        days = sorted({number % 7 for part in weekday.split(",") for number in _weekdays(part)})
        yield f"cron({minute} {hour} ? {month} {','.join(_DAYS[number] for number in days)} *)"


def _weekdays(part: str) -> range:
    span, _, step = part.partition("/")
    if span == "*":
        return range(0, 7, int(step or 1))
    first, _, last = span.partition("-")
    begin = _weekday(first)
    end = _weekday(last) if last else begin if not step else 6
    return range(begin, end + 1, int(step or 1))


def _weekday(text: str) -> int:
    return int(text) if text.isdecimal() else _DAYS.index(text.upper())


def _aws_fields(cron: str) -> Any:
    """What upstream makes of a six-field expression; ValueError if it isn't one."""
    from ministack.services import eventbridge

    fields = eventbridge._parse_cron_fields(cron)
    if fields is None:
        raise ValueError(f"Invalid Schedule Expression {cron}.")
    return fields


def _by_cron(fields: Any, zone: ZoneInfo, moment: datetime) -> datetime | None:
    from ministack.services import eventbridge

    wall = moment.astimezone(zone).replace(tzinfo=None)
    while (found := eventbridge._cron_next_fire(fields, wall)) is not None:
        wall = found.replace(tzinfo=None)
        due: datetime = wall.replace(tzinfo=zone).astimezone(UTC)
        if due > moment and due.astimezone(zone).replace(tzinfo=None) == wall:
            return due
    return None
