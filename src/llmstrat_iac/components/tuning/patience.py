"""How long to wait between two looks at something that takes its time: little at first, then more."""

from __future__ import annotations

from collections.abc import Iterator

_FIRST, _LONGEST, _GROWTH = 0.5, 15.0, 1.5


def pauses(seconds: float) -> Iterator[float]:
    """Pauses that add up to about `seconds`."""
    pause, left = _FIRST, seconds
    while left > 0:
        yield pause
        left -= pause
        pause = min(pause * _GROWTH, _LONGEST)
