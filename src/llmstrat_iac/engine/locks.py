"""Who holds a stack's lock, read from Pulumi's refusal, and whether that process still lives."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

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
        LockOwner(_location(file), one["user"], one["host"], int(one["pid"]), one["since"])
        for file, one in found.items()
    )


def remove_local_locks(owners: Sequence[LockOwner]) -> bool:
    """Remove exactly these locks; False, and nothing is done, when they aren't files of this machine.

    `pulumi cancel` would also break the lock of a command that recovers beside us.
    """
    files = [Path(owner.file) for owner in owners]
    if not all(file.is_absolute() for file in files):
        return False
    for file in files:
        file.unlink(missing_ok=True)
    return True


def _location(url: str) -> str:
    """The path of a local lock, else its URL; the query is only Pulumi's own options."""
    place = url.partition("?")[0]
    return unquote(place.removeprefix("file://")) if place.startswith("file://") else place


def _lives(pid: int, since: str) -> bool:
    if Path("/proc/self/stat").exists():
        started = _start_time(pid)
        # A process that began after the lock was taken has only inherited the number.
        return started is not None and started <= datetime.fromisoformat(since).timestamp() + CLOCK_SLACK_SECONDS
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _start_time(pid: int) -> float | None:
    """When a process started, in seconds since the epoch; None when it has ended, reaped or not."""
    try:
        # The command's name is in brackets and may hold anything; the state is the first field after it.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    boot = re.search(r"^btime (\d+)", Path("/proc/stat").read_text("utf-8"), re.MULTILINE)
    if fields[0] in "ZX":
        return None
    return int(boot[1] if boot else 0) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
