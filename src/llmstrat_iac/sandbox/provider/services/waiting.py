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
