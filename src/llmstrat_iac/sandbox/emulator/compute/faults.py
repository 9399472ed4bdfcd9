"""What goes wrong with instances on demand: `fault-capacity` and `fault-reclaim` in a tag or a name.

`fault-capacityxN` refuses the first N launches only; `fault-reclaim` takes an instance away once for each name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_CAPACITY = re.compile(r"(?<![a-z0-9])fault-capacity(?:x(\d+))?(?![a-z0-9])")
_RECLAIM = re.compile(r"(?<![a-z0-9])fault-reclaim(?:x(\d+))?(?![a-z0-9])")
_granted: Counter[str] = Counter()


def lacks_capacity(names: Iterable[str]) -> bool:
    """Whether a launch finds no free capacity."""
    return _asked(_CAPACITY, names, unlimited=True)


def reclaimed(names: Iterable[str]) -> bool:
    """Whether a running instance is taken away half-way through its work."""
    return _asked(_RECLAIM, names, unlimited=False)


def half_way(names: Iterable[str]) -> float | None:
    """Where a job that begins now will halt, if its instance is taken away then."""
    return 0.5 if reclaimed(names) else None


def _asked(pattern: re.Pattern[str], names: Iterable[str], *, unlimited: bool) -> bool:
    for name in sorted(set(names)):
        found = pattern.search(name)
        if found is None:
            continue
        if found.group(1) is None and unlimited:
            return True
        key = f"{pattern.pattern}:{name}"
        _granted[key] += 1
        return _granted[key] <= int(found.group(1) or 1)
    return False
