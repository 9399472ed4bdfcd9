"""A sandbox starts, is found, reports a dead process, refuses a busy port, and ends its own processes only."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sandbox_kit import clients, eventually

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox import processes
from llmstrat_iac.sandbox.session import Sandbox, SandboxSession
from llmstrat_iac.sandbox.startup import Ports, Starting
from llmstrat_iac.target import Target

# 127.0.0.1 as the kernel's tables write it, and the same in an IPv6 socket.
LOOPBACK = "0100007F"
LOOPBACK_MAPPED = "0000000000000000FFFF00000100007F"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    left = Sandbox.find(tmp_path / "home")
    if left is not None:
        left.stop()


def test_start_find_status_stop(home: Path) -> None:
    said: list[str] = []
    session = Sandbox.start(home, on_progress=said.append)
    found = Sandbox.find(home)
    assert found == session
    assert [process.name for process in session.status().processes] == ["emulator", "provider", "vendor"]
    assert session.status().healthy
    assert len(said) == 4
    assert stat.S_IMODE((home / "passphrase").stat().st_mode) == 0o600
    session.stop()
    assert not session.status().healthy
    assert Sandbox.find(home) is None
    assert [process.alive for process in session.status().processes] == [False] * 3


def test_a_clock_that_was_moved_stays_moved(home: Path) -> None:
    session = Sandbox.start(home)
    told = session.advance(timedelta(hours=25))
    assert (told.ahead, told.fired) == (timedelta(hours=25), ())
    found = Sandbox.find(home)
    assert found is not None
    assert found.advance(timedelta(minutes=1)).ahead == timedelta(hours=25, minutes=1)
    ahead = Target.from_environment(found.environment()).now() - datetime.now(UTC)
    assert timedelta(hours=24, minutes=59) < ahead <= timedelta(hours=25)
    found.stop()
    assert Sandbox.start(home).ahead == timedelta(), "a new one begins in the present"


def test_the_environment_leads_to_the_processes(sandbox: SandboxSession) -> None:
    environment = sandbox.environment()
    assert clients(environment["AWS_ENDPOINT_URL"])("sts").get_caller_identity()["Account"] == "000000000000"
    upstreams = json.loads(environment["LLMSTRAT_UPSTREAMS"])
    vendors = ["bedrock", "gemini", "mistral", "openai"]
    assert sorted(upstreams) == sorted([*vendors, "gcs", "gemini-tuning", "google-token"])
    port = int(environment["PULUMI_DEBUG_PROVIDERS"].removeprefix("aws:"))
    socket.create_connection(("127.0.0.1", port), timeout=60).close()
    assert Path(environment["AWS_CONFIG_FILE"]).read_text() == ""
    assert Path(environment["PULUMI_BACKEND_URL"].removeprefix("file://")).is_dir()


def test_everything_listens_on_loopback_only(sandbox: SandboxSession) -> None:
    ports = {record.port for record in sandbox.records}
    found = listening(ports)
    assert {port for port, _ in found} == ports
    assert {address for _, address in found} <= {LOOPBACK, LOOPBACK_MAPPED}


def listening(ports: set[int]) -> set[tuple[int, str]]:
    """(port, hexadecimal address) of listening IPv4 and IPv6 sockets, see proc_net(5)."""
    if not sys.platform.startswith("linux"):
        return {(port, LOOPBACK) for port in ports}
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, port = local.split(":")
            if state == "0A" and int(port, 16) in ports:
                found.add((int(port, 16), address))
    return found


def test_a_second_start_is_refused(sandbox: SandboxSession) -> None:
    with pytest.raises(SandboxError, match="already running"):
        Sandbox.start(sandbox.home)


def test_two_starts_at_once_make_one_sandbox(home: Path) -> None:
    outcomes: list[object] = []

    def start() -> None:
        try:
            outcomes.append(Sandbox.start(home))
        except SandboxError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SandboxError", "SandboxSession"]


def test_a_busy_port_is_named_and_nothing_is_left(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"port {port} is taken: the sandbox's emulator"):
            Sandbox.start(home, ports=Ports(emulator=port))
    assert Sandbox.find(home) is None
    assert not (home / "sandbox.json").exists()


def test_a_dead_process_is_reported_with_its_log(home: Path) -> None:
    session = Sandbox.start(home)
    emulator = session.records[0]
    Path(emulator.log).write_text("something went wrong\nand this is the last line\n")
    os.kill(emulator.pid, signal.SIGKILL)
    assert eventually(lambda: not emulator.alive)
    with pytest.raises(SandboxError, match=r"emulator has died.*\n  something went wrong\n  and this is the last line"):
        session.check()
    with pytest.raises(SandboxError, match="emulator has died"), Sandbox.borrow(home):
        pass
    session.stop()
    assert not any(record.alive for record in session.records)


def test_a_process_that_ends_while_it_starts_is_reported(home: Path) -> None:
    (home / "logs").mkdir(parents=True)
    process = processes.spawn("json.tool", ["/absent"], environment=dict(os.environ), folder=home / "logs")
    starting = Starting("tool", process, home / "logs", None)
    with pytest.raises(SandboxError, match=r"(?s)the sandbox.s tool ended while it started; .*/absent"):
        eventually(starting.answers)


def test_a_record_of_ended_processes_is_stale(home: Path) -> None:
    session = Sandbox.start(home)
    record = (home / "sandbox.json").read_text()
    session.stop()
    (home / "sandbox.json").write_text(record)
    assert Sandbox.find(home) is None
    assert not (home / "sandbox.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"processes": [1]}', '{"processes": []}'])
def test_a_record_that_cannot_be_read_is_no_sandbox(home: Path, content: str) -> None:
    home.mkdir()
    (home / "sandbox.json").write_text(content)
    assert Sandbox.find(home) is None


def test_a_pid_that_another_process_has_now_is_left_alone(home: Path) -> None:
    home.mkdir()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        started = processes.start_time(stranger.pid)
        assert started is not None
        record = processes.ProcessRecord("emulator", stranger.pid, f"{started}-earlier", 1, "log")
        assert not record.alive
        processes.stop([record])
        assert stranger.poll() is None
        assert replace(record, started=started).alive
    finally:
        stranger.kill()
        stranger.wait()


def test_borrowing_starts_one_and_the_last_borrower_ends_it(home: Path) -> None:
    with Sandbox.borrow(home) as first:
        with Sandbox.borrow(home) as second:
            assert second == first
        first.check()
    assert Sandbox.find(home) is None
    assert not any(record.alive for record in first.records)


def test_borrowing_leaves_a_lasting_one_running(sandbox: SandboxSession) -> None:
    with Sandbox.borrow(sandbox.home) as borrowed:
        assert borrowed.records == sandbox.records
    sandbox.check()


def test_a_real_model_is_not_promised_by_a_deterministic_sandbox(sandbox: SandboxSession) -> None:
    refused = pytest.raises(SandboxError, match="answers with the deterministic model")
    with refused, Sandbox.borrow(sandbox.home, llm="real"):
        pass


def test_a_new_sandbox_keeps_the_passphrase_but_no_state(home: Path) -> None:
    with Sandbox.borrow(home):
        passphrase = (home / "passphrase").read_text()
        (home / "state" / ".pulumi").mkdir(parents=True)
    with Sandbox.borrow(home):
        assert list((home / "state").iterdir()) == []
        assert (home / "passphrase").read_text() == passphrase
