"""Cron expressions of five fields, as schedules of a fleet's hours are written: refused before a scheduler refuses."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_NAMES = {
    "month": ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    "day of week": ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}
_PART = re.compile(r"^(?:\*|(?P<from>\w+)(?:-(?P<to>\w+))?)(?:/(?P<step>\d+))?$")


def check_cron(text: str) -> str:
    """The expression itself; ValueError names the field that is wrong."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"`{text}` has {len(fields)} fields instead of five: minute, hour, day, month, day of week")
    for value, (name, least, most) in zip(fields, _FIELDS, strict=True):
        for part in value.split(","):
            match = _PART.match(part)
            ends = [_number(end, name) for end in (match["from"], match["to"]) if end] if match else [None]
            if any(end is None or not least <= end <= most for end in ends):
                raise ValueError(f"`{part}` is no {name}: write {least} to {most}, `*`, ranges, lists or steps")
    return text


def _number(text: str, field: str) -> int | None:
    names = _NAMES.get(field, ())
    if text.upper() in names:
        return names.index(text.upper()) + (1 if field == "month" else 0)
    return int(text) if text.isdecimal() else None


Cron = Annotated[str, Field(max_length=100), AfterValidator(check_cron)]
