"""A child process that is watched while it runs, told to end gently, and killed with all its children if it doesn't."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from .logs import Log

_MARK = "LLMSTRAT_CHILD"
"""In the environment of all that one command starts, so that it is found again."""
_DYING_SECONDS, _LOOK_SECONDS = 10.0, 0.01


class Child:
    """One command at a time; what it prints goes to the log."""

    def __init__(self, log: Log, *, poll_seconds: float, stop_seconds: float) -> None:
        self.stopped = False
        self._log = log
        self._poll_seconds = poll_seconds
        self._stop_seconds = stop_seconds
        self._process: subprocess.Popen[str] | None = None
        self._stopped_at = 0.0
        self._mark = ""

    def run(
        self, command: list[str], folder: Path, environ: Mapping[str, str], meanwhile: Callable[[], None] | None = None
    ) -> int:
        """The exit code. `meanwhile` is called again and again."""
        mark = self._mark = uuid.uuid4().hex
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environ, _MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A group of its own, so that all of it can be killed, and that it gets no other SIGTERM than ours.
            start_new_session=True,
        )
        self._process = process
        reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        reader.start()
        if self.stopped:
            _tell_children(process.pid)
        while not _ended(process, self._poll_seconds):
            if meanwhile is not None:
                meanwhile()
            if self.stopped and time.monotonic() - self._stopped_at > self._stop_seconds:
                self._log.line("launch: the trainer didn't stop in time")
                _kill_all(process.pid, mark)
        # If the starter has died before its trainers, they would hold on to the GPUs: what comes next needs them.
        _wait_for_end(_kill_all(process.pid, mark))
        reader.join()
        self._process = None
        return process.returncode

    def stop(self) -> None:
        """Tell it to save and end; what is run later is told at once."""
        if not self.stopped:
            self.stopped, self._stopped_at = True, time.monotonic()
            if self._process is not None:
                _tell_children(self._process.pid)

    def kill(self) -> None:
        """End what runs now, at once; what is run later isn't affected."""
        if self._process is not None:
            _kill_all(self._process.pid, self._mark)

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._log.line(line)


def exit_words(code: int) -> str:
    """How it ended, in words."""
    if code == -signal.SIGKILL:
        return "SIGKILL: usually the instance ran out of memory"
    return f"exit code {code}"


def _ended(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _tell_children(pid: int) -> None:
    """SIGTERM to what the starter has started: it would itself end without them, or kill them within 30 seconds."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    pids = [int(child) for child in children.read_text(encoding="utf-8").split()] if children.exists() else []
    for child in pids or [pid]:
        try:
            os.kill(child, signal.SIGTERM)
        except ProcessLookupError:
            continue


def _kill_all(pid: int, mark: str) -> list[int]:
    """The command's group, and what it has started in sessions of their own, as torchrun does with its workers."""
    marked = _marked(mark)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for process in marked:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return marked


def _wait_for_end(pids: list[int]) -> None:
    """A killed process still frees what it held for a while; one that hangs in the kernel isn't waited for long."""
    deadline = time.monotonic() + _DYING_SECONDS
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def _marked(mark: str) -> list[int]:
    wanted, found = f"{_MARK}={mark}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # It has ended, or is another user's.
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found
