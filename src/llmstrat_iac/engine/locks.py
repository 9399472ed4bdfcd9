"""Who holds a stack's lock, read from Pulumi's refusal, and whether that process still lives. Removes nothing."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

CLOCK_SLACK_SECONDS = 5
"""The lock's time is whole seconds, and the boot time that a start is counted from can be corrected a little."""

_OWNER = re.compile(
    r"^\s*(?P<file>\S+): created by (?P<user>.*)@(?P<host>[^@\s]+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class LockOwner:
    """Who holds a stack's lock, as written into the lock."""

    file: str
    user: str
    host: str
    pid: int
    since: str

    @property
    def is_gone(self) -> bool:
        """Whether the owner ran on this machine and has ended. Of another machine nothing can be told."""
        return self.host == socket.gethostname() and not _lives(self.pid, self.since)


def read_owners(refusal: str) -> tuple[LockOwner, ...]:
    """Read the owners out of Pulumi's message, each lock once however often it is repeated."""
    found = {one["file"]: one for one in _OWNER.finditer(refusal)}
    return tuple(
        LockOwner(file, one["user"], one["host"], int(one["pid"]), one["since"]) for file, one in found.items()
    )


def _lives(pid: int, since: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    started = _start_time(pid)
    if started is None:
        return True
    # A process that began after the lock was taken has only inherited the number.
    return started <= datetime.fromisoformat(since).timestamp() + CLOCK_SLACK_SECONDS


def _start_time(pid: int) -> float | None:
    """When a process started, in seconds since the epoch; None where there is no /proc."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19])
        boot = re.search(r"^btime (\d+)", Path("/proc/stat").read_text("utf-8"), re.MULTILINE)
    except OSError:
        return None
    return int(boot[1]) + ticks / os.sysconf("SC_CLK_TCK") if boot else None
