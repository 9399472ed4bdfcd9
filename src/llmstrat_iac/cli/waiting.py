"""Waits for the user's Ctrl-C."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def wait_for_interrupt() -> None:
    """Return at the first SIGINT or SIGTERM; handlers are put back as they were."""
    interrupted = threading.Event()

    def note(_signal: int, _frame: FrameType | None) -> None:
        interrupted.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        interrupted.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
