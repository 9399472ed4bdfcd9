"""Runs one `pulumi` process so that an interrupt ends it in good order.

The engine runs in a session of its own: a terminal's Ctrl-C reaches only us, and we pass it on once, so that Pulumi
stops after the operations under way and saves its state. A second interrupt kills it together with its providers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from llmstrat_iac.errors import EngineError

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Completed:
    """How a process ended. `interrupts` counts the signals that it was stopped with."""

    code: int
    stdout: str
    stderr: str
    interrupts: int = 0


def run_process(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: str | None = None,
) -> Completed:
    """Run a command to its end, passing interrupts on. Output goes to files: were it a pipe, an engine that outlives
    us would die of the broken pipe instead of saving its state.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(
                f"{command[0]}: can't be started: {error.strerror}",
                remedy="run `llmstrat doctor` to see which engine is used and why",
            ) from error
        relay = _InterruptRelay(process)
        with _signals_go_to(relay.interrupt):
            try:
                process.communicate(stdin)
            except BaseException:
                relay.interrupt()
                process.wait()
                raise
        out.seek(0)
        err.seek(0)
        return Completed(process.returncode, out.read(), err.read(), relay.count)


class _InterruptRelay:
    """The first interrupt asks the engine to stop; the next one kills it with everything that it started."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.count = 0

    def interrupt(self) -> None:
        self.count += 1
        if self.count == 1:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
        else:
            kill_tree(self._process.pid)


@contextmanager
def _signals_go_to(receive: Callable[[], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; elsewhere the caller answers for interrupts
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        receive()

    previous = {number: signal.signal(number, handle) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants. Providers have process groups of their own and would be left running."""
    for one in (pid, *descendants(pid)):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def descendants(pid: int) -> tuple[int, ...]:
    """The processes below this one, from `ps`, or from /proc where there is no `ps`."""
    children: dict[int, list[int]] = {}
    for child, parent in _process_table():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return tuple(found)


def _process_table() -> Iterator[tuple[int, int]]:
    proc = Path("/proc")
    if (proc / "self" / "stat").exists():
        for entry in proc.iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    # The command's name is in brackets and may hold anything; the parent is the second field after it.
                    fields = (entry / "stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
                    yield int(entry.name), int(fields[1])
        return
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        child, parent = line.split()
        yield int(child), int(parent)
