"""JSON filter patterns of CloudWatch Logs: `{ $.consumer = "web" && $.status >= 400 }` selects by the fields of a line.

Comparisons joined by `&&` and `||` (which binds less), `EXISTS`, `NOT EXISTS` and `IS NULL`; `*` in text is a wildcard.
Parentheses and array indexes aren't read: such a pattern is refused as CloudWatch refuses a malformed one.
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import Addition, Seam, wrap

_LOGS = "ministack.services.cloudwatch_logs"
_ABSENT = object()
_SELECTOR = r"\$\.(?P<path>[\w-]+(?:\.[\w-]+)*)"
_COMPARISON = re.compile(rf'\s*{_SELECTOR}\s*(?P<sign>!=|<=|>=|=|<|>)\s*(?P<value>"[^"]*"|[^\s"]+)\s*')
_STATE = re.compile(rf"\s*{_SELECTOR}\s+(?P<state>NOT\s+EXISTS|EXISTS|IS\s+NULL)\s*")
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
Matcher = Callable[[Any], bool]


class MalformedPatternError(ValueError):
    """The pattern isn't one that this reads."""


def compile_json_pattern(pattern: str) -> Callable[[str], bool]:
    """A matcher of whole messages; a message that isn't a JSON object never matches."""
    inner = pattern.strip().removeprefix("{").removesuffix("}")
    alternatives = [[_term(text) for text in part.split("&&")] for part in inner.split("||")]

    def matches(message: str) -> bool:
        try:
            line = json.loads(message)
        except ValueError:
            return False
        return isinstance(line, dict) and any(all(term(line) for term in terms) for terms in alternatives)

    return matches


def _term(text: str) -> Matcher:
    state = _STATE.fullmatch(text)
    if state is not None:
        return _state(state["path"].split("."), " ".join(state["state"].split()))
    comparison = _COMPARISON.fullmatch(text)
    if comparison is None:
        raise MalformedPatternError(f"Invalid filter pattern: {text.strip()}")
    return _comparison(comparison["path"].split("."), comparison["sign"], comparison["value"])


def _state(path: list[str], state: str) -> Matcher:
    if state == "IS NULL":
        return lambda line: _at(line, path) is None
    return lambda line: (_at(line, path) is not _ABSENT) == (state == "EXISTS")


def _comparison(path: list[str], sign: str, value: str) -> Matcher:
    order = _ORDERS[sign]
    try:
        number = float(value)
    except ValueError:
        return _text_comparison(path, sign, value.strip('"'))

    def matches(line: Any) -> bool:
        found = _at(line, path)
        return isinstance(found, int | float) and not isinstance(found, bool) and order(float(found), number)

    return matches


def _text_comparison(path: list[str], sign: str, value: str) -> Matcher:
    if sign not in ("=", "!="):
        raise MalformedPatternError(f"Invalid filter pattern: {sign} needs a number")

    def matches(line: Any) -> bool:
        found = _at(line, path)
        text = json.dumps(found) if isinstance(found, bool) else found
        return isinstance(text, str) and fnmatch.fnmatchcase(text, value) == (sign == "=")

    return matches


def _at(line: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(line, dict) or name not in line:
            return _ABSENT
        line = line[name]
    return line


def _install() -> None:
    wrap(_LOGS, "_compile_filter_pattern", _read_json_patterns)
    wrap(_LOGS, "_filter_log_events", _refuse_malformed)


def _read_json_patterns(original: Callable[..., Any]) -> Callable[..., Any]:
    def compile_filter_pattern(raw: str) -> Any:
        return compile_json_pattern(raw) if (raw or "").lstrip().startswith("{") else original(raw)

    return compile_filter_pattern


def _refuse_malformed(original: Callable[..., Any]) -> Callable[..., Any]:
    def filter_log_events(data: Any) -> Any:
        from ministack.core.responses import error_response_json

        try:
            return original(data)
        except MalformedPatternError as error:
            return error_response_json("InvalidParameterException", str(error), 400)

    return filter_log_events


ADDITION = Addition(
    name="log-patterns",
    why="upstream takes every JSON filter pattern as `match all`, so usage lines can't be told from other output",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(_LOGS, "_compile_filter_pattern", ("raw",)),
        Seam(_LOGS, "_filter_log_events", ("data",)),
    ),
    install=_install,
)
