"""What OpenAI's fine-tuning finds wrong with a training file when a job validates it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_FEWEST = 10
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")


def defect(content: bytes, method: str) -> str | None:
    """The first thing that makes a job fail, or None."""
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) < _FEWEST:
        return f"Training file has {len(lines)} example(s), but must have at least {_FEWEST} examples"
    check = _preference if method == "dpo" else _chat
    for number, line in enumerate(lines, 1):
        problem = check(json.loads(line))
        if problem:
            return f"Invalid file format. Example {number} {problem}"
    return None


def texts(content: bytes) -> str:
    """All texts of a file, for counting tokens."""
    found: list[str] = []
    for line in content.splitlines():
        _collect(json.loads(line) if line.strip() else {}, found)
    return "\n".join(found)


def _collect(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            _collect(item, found)


def _chat(record: Mapping[str, Any]) -> str | None:
    problem = _messages(record.get("messages"))
    if problem:
        return problem
    roles = [message["role"] for message in record["messages"]]
    if "assistant" not in roles:
        return "must have at least one message from the assistant."
    return None if roles[-1] == "assistant" else "must end with a message from the assistant."


def _preference(record: Mapping[str, Any]) -> str | None:
    given = record.get("input")
    problem = _messages(given.get("messages") if isinstance(given, dict) else None)
    if problem:
        return problem
    for name in ("preferred_output", "non_preferred_output"):
        if _messages(record.get(name)):
            return f"is missing key `{name}`."
    return None


def _messages(given: Any) -> str | None:
    if not isinstance(given, list) or not given:
        return "is missing key `messages`."
    for message in given:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            return "has a message with an unknown role."
        if message.get("content") is None and not message.get("tool_calls"):
            return "has a message without content."
    return None
