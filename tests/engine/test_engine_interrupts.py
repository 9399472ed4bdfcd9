"""Interrupted and killed commands: what they leave, and that the next command gets over it. Real engine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_kit import HERE, Bench
from engine_programs import FolderEntry, entries

from llmstrat_iac.engine.events import Diagnostic, EngineEvent
from llmstrat_iac.engine.failures import StackLockedError
from llmstrat_iac.engine.process import descendants, kill_tree

PATIENCE_SECONDS = 120


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s in vain for {what}"
        time.sleep(0.02)


@contextmanager
def slow_up(bench: Bench) -> Iterator[subprocess.Popen[str]]:
    """An `up` in a process of its own that hangs in the creation of its second resource until the gate opens."""
    arguments = {"cloud": str(bench.cloud), "gate": str(bench.data / "gate"), "data": str(bench.data)}
    process = subprocess.Popen(
        [sys.executable, HERE / "engine_run_up.py", json.dumps(arguments)],
        env=dict(bench.engine.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for((bench.cloud / "slow.begun").exists, "the slow creation to begin")
        yield process
    finally:
        kill_tree(process.pid)
        process.communicate()


def open_gate(bench: Bench) -> None:
    (bench.data / "gate").touch()


def whole_program(bench: Bench) -> Callable[[], None]:
    def program() -> None:
        for name in ("first", "slow", "last"):
            FolderEntry(name, bench.cloud)

    return program


def locks(bench: Bench) -> list[Path]:
    return list((bench.data / "state" / ".pulumi" / "locks").rglob("*.json"))


def alive(pids: tuple[int, ...]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and "Z" not in _state(pid)]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_interrupt_finishes_what_is_under_way_and_the_next_up_goes_on(bench: Bench) -> None:
    with slow_up(bench) as process:
        process.send_signal(signal.SIGINT)
        open_gate(bench)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert said.startswith("OperationInterruptedError proj/dev: `up` stopped, and what was done is recorded")
    assert not locks(bench)

    stack = bench.stack(whole_program(bench))
    recorded = stack.snapshot()
    assert {one.name for one in recorded.resources if one.is_physical} == {"first", "slow"}
    assert recorded.pending == ()
    stack.up()
    assert bench.things() == {"first", "slow", "last"}
    stack.destroy(remove=True)
    assert bench.things() == set()


def test_second_interrupt_kills_the_engine_and_its_providers(bench: Bench) -> None:
    with slow_up(bench) as process:
        started = descendants(process.pid)
        assert len(started) >= 2
        process.send_signal(signal.SIGINT)
        # The gate stays shut, so that only a kill ends this. Two of one kind at once would count as one.
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert "was killed" in said
    wait_for(lambda: not alive(started), "the providers to be gone")


def test_up_after_a_kill_recovers_by_itself(bench: Bench) -> None:
    with slow_up(bench) as process:
        kill_tree(process.pid)
    assert locks(bench)

    events: list[EngineEvent] = []
    stack = bench.stack(whole_program(bench))
    stack.up(events.append)
    warnings = [one.message for one in events if isinstance(one, Diagnostic)]
    assert any("recovered" in one and "`slow` (creating)" in one for one in warnings)
    assert bench.things() == {"first", "slow", "last"}
    assert stack.snapshot().pending == ()
    stack.destroy(remove=True)
    assert bench.things() == set()


def test_destroy_after_a_kill_recovers_by_itself(bench: Bench) -> None:
    with slow_up(bench) as process:
        kill_tree(process.pid)
    stack = bench.stack(whole_program(bench))
    stack.destroy(remove=True)
    assert bench.things() == set()
    assert not stack.exists()


def test_recover_reports_what_it_dropped(bench: Bench) -> None:
    with slow_up(bench) as process:
        kill_tree(process.pid)
    recovery = bench.stack(whole_program(bench)).recover()
    assert [(one.name, one.doing) for one in recovery.dropped] == [("slow", "creating")]
    assert len(recovery.locks) == 1
    assert not locks(bench)


def test_engine_outlives_a_killed_command_and_saves_its_state(bench: Bench) -> None:
    with slow_up(bench) as process:
        engine = descendants(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        open_gate(bench)
        wait_for(lambda: not alive(engine), "the engine to end in good order")
    assert not locks(bench)
    recorded = bench.stack(whole_program(bench)).snapshot()
    assert recorded.pending == ()
    assert {one.name for one in recorded.resources if one.is_physical} == {"first", "slow"}


def test_two_commands_at_once_name_the_holder(bench: Bench) -> None:
    with slow_up(bench):
        with pytest.raises(StackLockedError) as caught:
            bench.stack(entries(bench.cloud, 1)).up()
        assert not caught.value.is_stale
        (owner,) = caught.value.owners
        assert owner.host == socket.gethostname()
        assert f"process {owner.pid}" in caught.value.message
        assert [Path(owner.file)] == locks(bench)
        with pytest.raises(StackLockedError, match="another command is working"):
            bench.stack(entries(bench.cloud, 1)).recover()
