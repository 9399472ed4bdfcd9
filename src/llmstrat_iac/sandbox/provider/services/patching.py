"""JSON-patch operations, the way API Gateway updates things: built from the difference of two property bags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.provider.services.shapes import wire

Operation = dict[str, str]


def replace(path: str, value: Any) -> Operation:
    """Set a value."""
    return {"op": "replace", "path": path, "value": "" if value is None else wire(value)}


def add(path: str, value: Any = None) -> Operation:
    """Add a member."""
    return {"op": "add", "path": path} | ({} if value is None else {"value": wire(value)})


def remove(path: str, value: Any = None) -> Operation:
    """Remove a member."""
    return {"op": "remove", "path": path} | ({} if value is None else {"value": wire(value)})


def replacements(old: Mapping[str, Any], new: Mapping[str, Any], paths: Mapping[str, str]) -> list[Operation]:
    """One operation for each scalar that differs; `paths` maps patch path to property."""
    return [
        replace(path, new.get(name))
        for path, name in paths.items()
        if (old.get(name) or None) != (new.get(name) or None)
    ]


def map_changes(path: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Operation]:
    """Operations for a map with keys of the user's choice."""
    before, after = old or {}, new or {}
    gone = [remove(f"{path}/{escape(key)}") for key in before if key not in after]
    fresh = [add(f"{path}/{escape(key)}", value) for key, value in after.items() if key not in before]
    other = [
        replace(f"{path}/{escape(key)}", value)
        for key, value in after.items()
        if key in before and before[key] != value
    ]
    return gone + fresh + other


def set_changes(path: str, old: list[str] | None, new: list[str] | None) -> list[Operation]:
    """Operations for a set of texts whose members are part of the path."""
    before, after = old or [], new or []
    gone = [remove(f"{path}/{escape(item)}") for item in before if item not in after]
    return gone + [add(f"{path}/{escape(item)}") for item in after if item not in before]


def escape(segment: str) -> str:
    """One segment of a JSON pointer (RFC 6901)."""
    return segment.replace("~", "~0").replace("/", "~1")
