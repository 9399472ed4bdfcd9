"""EC2's filters: a name with values, all of which must hold; an unknown name is refused as EC2 does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError

Filters = Sequence[Mapping[str, Any]] | None
Facts = Mapping[str, Sequence[str | None]]


def matches(filters: Filters, facts: Facts, tags: Iterable[Mapping[str, str]] = (), *, wild: bool = True) -> bool:
    """Whether something with these facts and tags passes; `wild` lets `*` and `?` stand for other characters."""
    held = {tag["Key"]: tag.get("Value", "") for tag in tags}
    return all(_holds(each["Name"], each.get("Values") or [], facts, held, wild=wild) for each in filters or ())


def _holds(name: str, wanted: Sequence[str], facts: Facts, tags: Mapping[str, str], *, wild: bool) -> bool:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        actual: Sequence[str | None] = [tags[key]] if key in tags else []
    elif name == "tag-key":
        actual = list(tags)
    elif name in facts:
        actual = facts[name]
    else:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return any(
        value is not None and (fnmatchcase(value, pattern) if wild else value == pattern)
        for value in actual
        for pattern in wanted
    )
