#!/usr/bin/env python3
"""What a job's status, read from standard input, means for the nodes; for `watch.sh` and `over.sh`.

    job_status.py verdict MAX_SECONDS IDLE_SECONDS SEEN    writes `over`, `late`, `idle` or `on`
    job_status.py settle REASON                            writes the status, failed for the reason; none if it is final

SEEN is the file that remembers the last step, and since when it is the last.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_LATER = 900
"""Seconds: the launcher looks for steps itself, and knows better what is wrong."""
FINAL = ("completed", "failed", "cancelled")


def main(words: list[str], text: str) -> int:
    """0; 1 for `settle` without a reason while the job goes on."""
    status: dict[str, Any] = json.loads(text or "{}")
    now = datetime.now(UTC)
    if words[0] == "verdict":
        sys.stdout.write(_verdict(status, now, int(words[1]), int(words[2]), Path(words[3])))
    elif status.get("state") not in FINAL:
        if not words[1]:
            return 1
        _fail(status, words[1], now.isoformat(timespec="seconds"))
        json.dump(status, sys.stdout)
    return 0


def _verdict(status: dict[str, Any], now: datetime, most: int, idle: int, seen: Path) -> str:
    if status.get("state") in FINAL:
        return "over"
    started = status.get("started")
    if started and (now - datetime.fromisoformat(started.replace("Z", "+00:00"))).total_seconds() > most:
        return "late"
    step = f"{status.get('step')}\n"
    if not seen.exists() or seen.read_text() != step:
        seen.write_text(step)
    return "idle" if now.timestamp() - seen.stat().st_mtime > idle + _LATER else "on"


def _fail(status: dict[str, Any], reason: str, now: str) -> None:
    for name, value in {"started": now, "attempt": 1, "step": 0, "total_steps": 0, "metrics": {}}.items():
        status.setdefault(name, value)
    status |= {"state": "failed", "failure": reason[-2000:], "updated": now, "finished": now}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.read()))
