"""`consumers.json`: which consumer a key belongs to. It holds SHA-256 digests only.

A digest without salt is enough: the keys are generated with more than 128 random bits, so no dictionary can hold them.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from .errors import ConfigError
from .fields import Fields, read_fields

CONSUMERS_VARIABLE: Final = "LLMSTRAT_RELAY_CONSUMERS"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KeyEntry:
    consumer: str
    not_after: float | None  # Unix time; None: until it is removed


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every valid key's digest. Looking up a digest leaks nothing about the key through its timing."""

    entries: dict[str, KeyEntry]

    def consumer_of(self, authorization: str, now: float) -> str | None:
        """The consumer of an `Authorization` header, or None for a wrong, unknown or expired key."""
        key = bearer_key(authorization)
        if key is None:
            return None
        entry = self.entries.get(hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest())
        if entry is None or (entry.not_after is not None and now >= entry.not_after):
            return None
        return entry.consumer


def bearer_key(authorization: str) -> str | None:
    """The key in `Bearer KEY`; the scheme's case doesn't matter (RFC 7235)."""
    scheme, _, key = authorization.strip().partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and key else None


def consumers_path() -> Path:
    """Where `consumers.json` is: `$LLMSTRAT_RELAY_CONSUMERS`, else the Lambda's root, else the current folder."""
    named = os.environ.get(CONSUMERS_VARIABLE)
    return Path(named) if named else Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / "consumers.json"


def load_keys(path: Path | None = None) -> KeyRing:
    """Read and check `consumers.json`; ConfigError says which entry is wrong."""
    return parse_keys(read_fields(path or consumers_path()))


def parse_keys(root: Fields) -> KeyRing:
    """Turn the parsed file into frozen data."""
    root.only("version", "keys")
    return KeyRing({_digest(digest, item): _entry(item) for digest, item in root.each("keys")})


def _digest(digest: str, item: Fields) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ConfigError(f"{item.path}: expected 64 lower-case hex digits (the key's SHA-256)")
    return digest


def _entry(item: Fields) -> KeyEntry:
    item.only("consumer", "not_after")
    return KeyEntry(item.take("consumer", str), _instant(item))


def _instant(item: Fields) -> float | None:
    text = item.maybe("not_after", str)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{item.path}.not_after: expected a time like 2026-12-01T00:00:00Z, got {text!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
