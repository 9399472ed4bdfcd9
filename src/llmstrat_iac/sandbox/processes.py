"""Processes of a sandbox: spawned in their own session, recognised again by their start time, ended by pid only.

A pid alone is never trusted: it is signalled only while the process that has it started when ours did.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.02
_STOP_SECONDS = 5.0
_TAIL_LINES = 8


@dataclass(frozen=True)
class ProcessRecord:
    """One process as it is written to `sandbox.json`; `started` is opaque and only ever compared."""

    name: str
    pid: int
    started: str
    port: int
    log: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        _reap(self.pid)
        return start_time(self.pid) == self.started

    def last_lines(self) -> str:
        """The end of its log, for an error message."""
        with contextlib.suppress(OSError):
            lines = Path(self.log).read_text(errors="replace").splitlines()
            return "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:] if line.strip())
        return ""


def start_time(pid: int) -> str | None:
    """When a process started, in a form that differs for every later process of that pid; None if there is none."""
    if sys.platform.startswith("linux"):
        return _linux_start_time(pid)
    listed = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return None if not listed or listed[0].startswith("Z") else " ".join(listed[1:])


def _linux_start_time(pid: int) -> str | None:
    try:
        # The command in field 2 may hold blanks and brackets: count from the last bracket. See proc_pid_stat(5).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else ticks


def spawn(
    module: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    inherit: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Run a module of ours with this interpreter; stdout to `<folder>/<last part>.out`, stderr to `.log`."""
    name = module.rpartition(".")[2]
    with (folder / f"{name}.out").open("wb") as output, (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            env=dict(environment),
            pass_fds=tuple(inherit),
            start_new_session=True,
            cwd=folder,
        )


def stop(records: Sequence[ProcessRecord]) -> None:
    """Ask all to end at once, wait, and kill what doesn't, with the processes that it left in its group."""
    for record in records:
        _signal(record, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while any(record.alive for record in records) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for record in records:
        _signal_group(record)
    while any(record.alive for record in records):
        time.sleep(_POLL_SECONDS)


def _signal(record: ProcessRecord, number: signal.Signals) -> None:
    if record.alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, number)


def _signal_group(record: ProcessRecord) -> None:
    """Kill a process that ignored SIGTERM, with its group; a gone leader's group number may be another's by now."""
    if record.alive:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(record.pid, signal.SIGKILL)


def _reap(pid: int) -> None:
    """Collect our own child, so that an ended one doesn't linger; other sessions' processes aren't our children."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
