"""Provider keys: read from Secrets Manager, kept in the process for five minutes, never written anywhere.

A secret is the key itself, a JSON object with the key in `api_key`, or a Google service account's key as it is.
`env:NAME` reads the environment (local use).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from typing import Final

from .aws import make_client
from .errors import UpstreamError

LIFETIME: Final = 300.0  # seconds
Fetch = Callable[[str], str]


class SecretStore:
    """Keys by ARN. Safe for threads: a slow fetch of one key blocks its own callers only while nothing is cached."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._cached: dict[str, tuple[str, float]] = {}

    def get(self, arn: str) -> str:
        """The key, at most five minutes old."""
        key, fresh_until = self._cached.get(arn, ("", 0.0))
        return key if self._clock() < fresh_until else self._load(arn, stale=key)

    def refetch(self, arn: str, refused: str) -> str | None:
        """A newer key than the one that a vendor refused; None if there is none."""
        key = self._load(arn, stale=refused)
        return None if key == refused else key

    def _load(self, arn: str, stale: str) -> str:
        with self._lock:
            key, fresh_until = self._cached.get(arn, ("", 0.0))
            if key != stale and self._clock() < fresh_until:
                return key  # another thread was quicker
            key = self._read(arn)
            self._cached[arn] = (key, self._clock() + LIFETIME)
            return key

    def _read(self, arn: str) -> str:
        try:
            return _unwrap(self._fetch(arn))
        except Exception as error:
            # No chained exception: a client library's text could hold the secret's value.
            reason = type(error).__name__
        raise UpstreamError(
            502, "provider_key_unavailable", f"the gateway can't read its key for this model ({reason})", elsewhere=True
        )


def fetch_secret(arn: str) -> str:
    """Read one secret from where its name says."""
    if arn.startswith("env:"):
        return os.environ[arn.removeprefix("env:")]
    region = arn.split(":")[3] if arn.startswith("arn:") else None
    value: str = make_client("secretsmanager", region).get_secret_value(SecretId=arn)["SecretString"]
    return value


def _unwrap(value: str) -> str:
    value = value.strip()
    if value.startswith("{") and "private_key" not in (document := json.loads(value)):
        value = document["api_key"]
    if not value:
        raise ValueError("empty secret")
    return value
