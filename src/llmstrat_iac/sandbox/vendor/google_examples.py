"""What Google's tuning finds wrong with a training file, when a job has begun to read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_PREFERENCES = 2


def defect(content: bytes, *, preference: bool) -> str | None:
    """The first thing that makes a job fail, or None."""
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        return "The dataset is empty."
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            return f"Row {number} of the dataset isn't valid JSON."
        problem = _record(record, preference) if isinstance(record, dict) else "isn't an object"
        if problem:
            return f"Row {number} of the dataset {problem}."
    return None


def characters(content: bytes) -> int:
    """Characters of all texts, by which Google counts what it bills."""
    return sum(len(text) for line in content.splitlines() if line.strip() for text in _texts(json.loads(line)))


def _record(record: Mapping[str, Any], preference: bool) -> str | None:
    contents = record.get("contents")
    if not isinstance(contents, list) or not contents or not all(isinstance(turn, dict) for turn in contents):
        return "has no `contents`"
    if any(not _texts(turn.get("parts")) for turn in contents):
        return "has a content without text"
    roles = [turn.get("role") for turn in contents]
    last = "user" if preference else "model"
    if any(role not in ("user", "model") for role in roles) or roles[-1] != last:
        return f"must have the roles user and model and end with {last}"
    if preference and len(record.get("completions") or ()) != _PREFERENCES:
        return "must have two `completions`"
    return None


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) and value["text"] else []
        return [*own, *(text for item in value.values() for text in _texts(item))]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []
