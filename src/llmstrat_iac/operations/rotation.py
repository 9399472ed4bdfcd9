"""Rotates a consumer's key by editing the spec, comments and all: the spec stays the only truth for both doors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llmstrat_iac.errors import SpecError
from llmstrat_iac.operations.spec_file import edit_spec
from llmstrat_iac.spec.moments import format_moment
from llmstrat_iac.spec.units import parse_duration


def parse_overlap(text: str) -> timedelta:
    """How long two keys work side by side: a duration such as `24h`, or `0` for not at all."""
    return timedelta(0) if text.strip() == "0" else parse_duration(text)


def rotate_key(path: Path, consumer: str, *, overlap: timedelta, now: datetime) -> int:
    """Give the consumer a new key generation; the one before works for `overlap` more. Returns the new generation."""

    def rotate(document: Any) -> int:
        key = _consumer(document, consumer, path).setdefault("key", {})
        generation = int(key.get("generation", 1)) + 1
        key["generation"] = generation
        if overlap:
            key["previous_until"] = format_moment((now + overlap).astimezone(UTC))
        else:
            key.pop("previous_until", None)
        return generation

    return edit_spec(path, rotate)


def _consumer(document: Any, name: str, path: Path) -> Any:
    consumers = document["endpoint"]["consumers"]
    for entry in consumers:
        if entry["name"] == name:
            return entry
    known = ", ".join(str(entry["name"]) for entry in consumers)
    raise SpecError(f"{path}: there is no consumer `{name}`", remedy=f"choose one of: {known}")
