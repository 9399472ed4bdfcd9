"""Rotates a consumer's key by editing the spec, comments and all: the spec stays the only truth for both doors."""

from __future__ import annotations

import io
import os
import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from llmstrat_iac.errors import SpecError
from llmstrat_iac.spec.moments import format_moment
from llmstrat_iac.spec.units import parse_duration

_INDENTED_SEQUENCE = re.compile(r"^( *)[^\s#-][^\n]*:\n\1  - ", re.MULTILINE)


def parse_overlap(text: str) -> timedelta:
    """How long two keys work side by side: a duration such as `24h`, or `0` for not at all."""
    return timedelta(0) if text.strip() == "0" else parse_duration(text)


def rotate_key(path: Path, consumer: str, *, overlap: timedelta, now: datetime) -> int:
    """Give the consumer a new key generation; the one before works for `overlap` more. Returns the new generation."""
    before = path.read_text(encoding="utf-8")
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    offset = 2 if _INDENTED_SEQUENCE.search(before) else 0
    yaml.indent(mapping=2, sequence=2 + offset, offset=offset)
    document = yaml.load(before)
    entry = _consumer(document, consumer, path)
    key = entry.setdefault("key", {})
    generation = int(key.get("generation", 1)) + 1
    key["generation"] = generation
    if overlap:
        key["previous_until"] = format_moment((now + overlap).astimezone(UTC))
    else:
        key.pop("previous_until", None)
    text = io.StringIO()
    yaml.dump(document, text)
    _replace(path, text.getvalue())
    return generation


def _consumer(document: Any, name: str, path: Path) -> Any:
    consumers = document["endpoint"]["consumers"]
    for entry in consumers:
        if entry["name"] == name:
            return entry
    known = ", ".join(str(entry["name"]) for entry in consumers)
    raise SpecError(f"{path}: there is no consumer `{name}`", remedy=f"choose one of: {known}")


def _replace(path: Path, text: str) -> None:
    """Write beside the file and rename, so that an interruption leaves the old spec or the new one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).chmod(path.stat().st_mode)
    Path(temporary).replace(path)
