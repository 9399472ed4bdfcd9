"""What a job is known by: a digest of all that changes its result, and the name made of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.tuning.source import DatasetSource

GATE_PREFIX = "gate"
"""Begins the identity of a job that only tests its cluster (strategy D); a digest never begins so."""


def makes_model(identity: str) -> bool:
    """Whether a job of this identity makes a model; one that only tests its cluster doesn't."""
    return not identity.startswith(GATE_PREFIX)


def identity_of(inputs: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits of the inputs, which JSON can hold; their order doesn't matter."""
    canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def content_hashes(**sources: DatasetSource | None) -> dict[str, str]:
    """Of those that are there. ValueError if the content of an S3 object isn't known yet."""
    hashes = {name: source.content_hash for name, source in sources.items() if source is not None}
    unknown = [name for name, content in hashes.items() if content is None]
    if unknown:
        raise ValueError(f"the content of {' and '.join(unknown)} isn't known yet")
    return {name: content for name, content in hashes.items() if content is not None}


def job_name(stack_name: str, alias: str, identity: str, *, limit: int, attempt: int) -> str:
    """`stack-alias-identity` in a-z, 0-9 and single `-`, of at most `limit` characters: the alias gives way."""
    tail = identity[:8] + (f"-{attempt}" if attempt > 1 else "")
    middle = plain_name(alias)[: max(limit - len(stack_name) - len(tail) - 2, 0)].strip("-")
    return "-".join(part for part in (stack_name, middle, tail) if part)


def plain_name(text: str) -> str:
    """The text in a-z, 0-9 and single `-`, which every vendor takes in a name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
