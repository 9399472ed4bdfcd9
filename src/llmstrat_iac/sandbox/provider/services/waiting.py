"""Waiting for a thing of AWS's to reach a state."""

from __future__ import annotations

import time
from collections.abc import Callable

from llmstrat_iac.sandbox.provider.faults import ResourceError, is_not_found

WAIT_SECONDS = 120.0
POLL_SECONDS = 0.1


def wait(look: Callable[[], str], pending: str, wanted: str) -> None:
    """Poll a status until it is the wanted one, or the thing is gone."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            status = look()
        except Exception as error:
            if is_not_found(error):
                return
            raise
        if status == wanted:
            return
        if status != pending or time.monotonic() > deadline:
            raise ResourceError(f"waiting for {wanted}: the state is `{status}`")
        time.sleep(POLL_SECONDS)


def wait_until_gone(look: Callable[[], object]) -> None:
    """Poll until there is nothing to look at."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            look()
        except Exception as error:
            if is_not_found(error):
                return
            raise
        if time.monotonic() > deadline:
            raise ResourceError(f"waiting for its end: it is still there after {WAIT_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
