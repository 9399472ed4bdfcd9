"""One execution environment: a warm process of a function, its Runtime API, its log lines and its state.

It takes one invocation at a time and is free again only when the process asks for the next, as on Lambda.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmstrat_iac.sandbox.emulator.functions import runtime
from llmstrat_iac.sandbox.emulator.functions.runtime_api import FunctionError, Invocation, RuntimeApi

_INIT_SECONDS = 60.0  # Lambda's own limit is 10 s of its processors, not of a busy laptop's
_KILL_SECONDS = 1.0
# A line printed just before `next` may still be in the pipe when `next` arrives.
_LOG_SETTLE_SECONDS = 0.02
_LONGEST_LOG_LINE = 1 << 20


class State(enum.Enum):
    """Where an environment is in its life."""

    STARTING = "starting"
    FREE = "free"
    BUSY = "busy"
    GONE = "gone"


@dataclass(frozen=True)
class InvocationRecord:
    """What is known about a finished invocation, for its log and metrics."""

    request_id: str
    lines: tuple[str, ...]
    milliseconds: int
    failed: bool


class ExecutionEnvironment:
    """A process of one function version; `on_change` is called whenever its state changes."""

    def __init__(
        self,
        config: Mapping[str, Any],
        code: bytes,
        *,
        log_group: str,
        on_change: Callable[[], None],
        on_record: Callable[[InvocationRecord], None],
    ) -> None:
        self.state = State.STARTING
        self._config = config
        self._code = code
        self._log_group = log_group
        self._on_change = on_change
        self._on_record = on_record
        self._api = RuntimeApi(self._asked_for_work, self._init_failed)
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ready = asyncio.Event()
        self._init_error: FunctionError | None = None
        self._lines: list[str] = []
        self._invocation: Invocation | None = None
        self._started = 0.0

    async def start(self) -> None:
        """Spawn the process and wait until it asks for its first event; raises FunctionError if it doesn't."""
        address = await self._api.start()
        task_root = await asyncio.to_thread(runtime.unpack, self._code, str(self._config["CodeSha256"]))
        variables = runtime.environment(self._config, task_root, address, self._log_group)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *runtime.command(task_root, variables["AWS_LAMBDA_EXEC_WRAPPER"]),
                cwd=task_root,
                env=variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LONGEST_LOG_LINE,
            )
        except OSError as error:
            await self.stop()
            raise FunctionError("Extension.LaunchError", f"the exec wrapper can't be run: {error}") from error
        self._spawn_task(self._read_log(self._process))
        self._spawn_task(self._watch(self._process))
        await self._await_init()

    async def _await_init(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_INIT_SECONDS):
                await self._ready.wait()
        if self.state is State.STARTING or self._init_error is not None:
            error = self._init_error or FunctionError(
                "Sandbox.Timedout", f"init took longer than {_INIT_SECONDS:.0f} s"
            )
            self._report(f"init-{id(self):x}", failed=True)
            await self.stop()
            raise error

    def reserve(self) -> None:
        """Take the environment for one invocation."""
        self.state = State.BUSY

    @property
    def finishing(self) -> bool:
        """Whether the response is complete but the process hasn't asked for the next event yet."""
        return self.state is State.BUSY and self._invocation is not None and self._invocation.answered

    def invoke(self, invocation: Invocation) -> None:
        """Hand the event to the process; read the answer from `invocation.chunks()`."""
        self._invocation = invocation
        self._started = time.monotonic()
        self._api.offer(invocation)

    async def stop(self) -> None:
        """End the process and everything that serves it."""
        self._change(State.GONE)
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _KILL_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        await self._api.close()

    def _asked_for_work(self) -> None:
        finished, self._invocation = self._invocation, None
        if finished is not None:
            self._spawn_task(self._settle(finished, self._started))
        if self.state is not State.GONE:
            self._change(State.FREE)
        self._ready.set()

    def _init_failed(self, error: FunctionError) -> None:
        self._init_error = error
        self._ready.set()

    async def _settle(self, invocation: Invocation, started: float) -> None:
        elapsed = time.monotonic() - started
        await asyncio.sleep(_LOG_SETTLE_SECONDS)
        self._report(invocation.request_id, failed=invocation.failed, seconds=elapsed)

    def _report(self, request_id: str, *, failed: bool, seconds: float = 0.0) -> None:
        lines, self._lines = tuple(self._lines), []
        self._on_record(InvocationRecord(request_id, lines, int(seconds * 1000), failed))

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than the limit: the reader has dropped it
                continue
            if not line:
                return
            self._lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        error = FunctionError("Runtime.ExitError", f"the function's process exited with {code}")
        was_working = self._invocation
        self._init_error = self._init_error or error
        if self.state is not State.GONE:
            self._change(State.GONE)
        self._ready.set()
        await self._api.abandon(error)
        if was_working is not None:
            await was_working.fail(error)
            await self._settle(was_working, self._started)
        await self._api.close()

    def _change(self, state: State) -> None:
        self.state = state
        self._on_change()

    def _spawn_task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
