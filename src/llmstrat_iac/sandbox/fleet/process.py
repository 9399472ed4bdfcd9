"""An inference server as the emulator runs it: one process for each instance or endpoint, which ends with the emulator.

Lives in the emulator's event loop. A server that ends by itself is started again, as systemd and SageMaker do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO

from llmstrat_iac.sandbox import processes
from llmstrat_iac.sandbox.environment import HOME_VARIABLE, LLM_VARIABLE
from llmstrat_iac.sandbox.listener import LOOPBACK
from llmstrat_iac.sandbox.processes import ProcessRecord

_MODULE = "llmstrat_iac.sandbox.fleet"
_RESTART_SECONDS = 0.5
_STOP_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
_running: set[EngineProcess] = set()


class EngineProcess:
    """vLLM's stand-in with the arguments that vLLM would get; `name` (an instance's id, …) is for logs and status."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self.port: int | None = None
        """Loopback port; None until the process listens, and while it is being started again."""
        self._arguments = tuple(arguments)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it, and again whenever it ends, until `stop`. Returns at once."""
        _running.add(self)
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """End it and wait for that."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self.port = None
        if self._process is not None:
            await _end(self._process)
        _forget(self.name)
        _running.discard(self)

    async def status_of(self, path: str) -> int | None:
        """The HTTP status of a GET; None if nothing answers."""
        if self.port is None:
            return None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nhost: {LOOPBACK}\r\nconnection: close\r\n\r\n".encode())
                    line = await reader.readline()
                finally:
                    writer.close()
            return int(line.split()[1])
        except (OSError, TimeoutError, ValueError, IndexError):
            return None

    async def healthy(self, path: str = "/health") -> bool:
        """Whether it has loaded its model."""
        return await self.status_of(path) == 200

    async def _keep(self) -> None:
        while True:
            spawning = asyncio.ensure_future(self._spawn())
            try:
                self._process = await asyncio.shield(spawning)
            except asyncio.CancelledError:
                await _end(await spawning)
                raise
            assert self._process.stdout is not None
            announced = await self._process.stdout.readline()
            if announced:
                self.port = int(json.loads(announced)["port"])
                _remember(self.name, self._process.pid, self.port)
            await self._process.wait()
            self.port = None
            await asyncio.sleep(_RESTART_SECONDS)

    async def _spawn(self) -> asyncio.subprocess.Process:
        with _log(self.name) as log:
            return await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def _command(self) -> list[str]:
        llm = os.environ.get(LLM_VARIABLE) or "deterministic"
        return [sys.executable, "-m", _MODULE, "--port", "0", "--llm", llm, "--with-parent", "--", *self._arguments]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def stop_all() -> None:
    """End every server that this process has started."""
    await asyncio.gather(*(each.stop() for each in tuple(_running)), return_exceptions=True)


def running_engines(home: Path) -> tuple[ProcessRecord, ...]:
    """The servers that a sandbox's emulator runs now, for its status."""
    found = []
    for path in sorted((home / "fleet").glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            found.append(ProcessRecord(**json.loads(path.read_text())))
    return tuple(record for record in found if record.alive)


def _home() -> Path | None:
    named = os.environ.get(HOME_VARIABLE)
    return Path(named) if named else None


def _log(name: str) -> IO[bytes]:
    home = _home()
    if home is None:
        return Path(os.devnull).open("ab")
    (home / "logs").mkdir(parents=True, exist_ok=True)
    return (home / "logs" / f"{name}.log").open("ab")


def _remember(name: str, pid: int, port: int) -> None:
    home = _home()
    started = processes.start_time(pid)
    if home is None or started is None:
        return
    (home / "fleet").mkdir(exist_ok=True)
    record = ProcessRecord(name, pid, started, port, str(home / "logs" / f"{name}.log"))
    (home / "fleet" / f"{name}.json").write_text(json.dumps(asdict(record)))


def _forget(name: str) -> None:
    home = _home()
    if home is not None:
        (home / "fleet" / f"{name}.json").unlink(missing_ok=True)
