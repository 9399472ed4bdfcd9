"""Quantities with units, as people write them: `72h`, `14d`, `never`; `569B` tokens."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

_DURATION = re.compile(r"^(\d+)\s*(m|h|d|w)$")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MINIMUM, _MAXIMUM = timedelta(minutes=5), timedelta(days=366)
NEVER = "never"


def parse_duration(text: str) -> timedelta:
    """Turn `90m`, `72h`, `14d` or `2w` into a timedelta; ValueError says what is accepted."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is no duration: write a whole number and m, h, d or w, such as `72h`")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


class TimeToLive:
    """A time to live: a duration between 5 minutes and 366 days, or `never`."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.duration = None if self.text == NEVER else parse_duration(self.text)
        if self.duration is not None and not _MINIMUM <= self.duration <= _MAXIMUM:
            raise ValueError(f"`{text}` is out of range: a TTL is 5m to 366d, or `never`")

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"TimeToLive({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TimeToLive) and other.duration == self.duration

    def __hash__(self) -> int:
        return hash(self.duration)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._coerce, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _coerce(cls, value: object) -> TimeToLive:
        return value if isinstance(value, TimeToLive) else cls(str(value))

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^(\d+\s*(m|h|d|w)|never)$"}


Ttl = Annotated[TimeToLive, "time to live"]


_COUNT = re.compile(r"^(\d+(?:\.\d+)?)\s*([KMBT])$")
_THOUSANDS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def written_tokens(count: int) -> str:
    """The inverse of `parse_tokens`: the shortest that says exactly as many."""
    for letter, size in reversed(_THOUSANDS.items()):
        if count >= size and count % (size // 1000) == 0:
            return f"{count / size:g}{letter}"
    return str(count)


def parse_tokens(value: object) -> int:
    """Turn `20M`, `569B`, `1.4T` or a whole number into a count; ValueError says what is accepted."""
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    else:
        match = _COUNT.match(str(value).strip())
        if match is None:
            raise ValueError(
                f"`{value}` is no number of tokens: write a whole number, or one with K, M, B or T: `569B`"
            )
        count = round(float(match[1]) * _THOUSANDS[match[2]])
    if count <= 0:
        raise ValueError("must be more than 0")
    return count


Tokens = Annotated[
    int,
    BeforeValidator(parse_tokens),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "string", "pattern": _COUNT.pattern}]}
    ),
]
