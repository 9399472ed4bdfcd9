"""The warm environments of every function, up to a cap for each; a changed or deleted function's are ended.

Above the cap a request waits for a free environment: that is this machine's limit, not Lambda's (whose own limits, such
as reserved concurrency, upstream counts).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from llmstrat_iac.sandbox.emulator.functions.environment import ExecutionEnvironment, InvocationRecord, State
from llmstrat_iac.sandbox.emulator.functions.runtime import remove_scratch
from llmstrat_iac.sandbox.emulator.functions.runtime_api import FunctionError, Invocation

_MOST_ENVIRONMENTS = 16
# Rather wait this long for an environment that has answered than start another process.
_FINISHING_SECONDS = 2.0


@dataclass
class _Group:
    """The environments of one function as it is configured now."""

    revision: tuple[str, ...]
    environments: list[ExecutionEnvironment] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class FunctionPool:
    """Run wrapped functions; lives in the emulator's event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._groups: dict[str, _Group] = {}

    async def invoke(self, function: Mapping[str, Any], event: Any, request_id: str | None = None) -> Invocation:
        """Give an event to a free, finishing or new environment; FunctionError if none can be started."""
        config = function["config"]
        environment = await self._acquire(function)
        invocation = Invocation(
            request_id=request_id or str(uuid4()),
            event=json.dumps(event, separators=(",", ":")).encode(),
            deadline=time.time() + float(config.get("Timeout", 3)),
            arn=config["FunctionArn"],
        )
        environment.invoke(invocation)
        return invocation

    def retire(self, function_name: str) -> None:
        """End a function's environments, from any thread."""
        self._loop.call_soon_threadsafe(self._retire, function_name)

    async def close(self) -> None:
        """End every environment."""
        everything = [each for group in self._groups.values() for each in group.environments]
        self._groups.clear()
        await asyncio.gather(*(each.stop() for each in everything), return_exceptions=True)
        remove_scratch()

    async def _acquire(self, function: Mapping[str, Any]) -> ExecutionEnvironment:
        group = self._group(function["config"])
        while True:
            group.changed.clear()
            group.environments = [each for each in group.environments if each.state is not State.GONE]
            free = next((each for each in group.environments if each.state is State.FREE), None)
            if free is not None:
                free.reserve()
                return free
            full = len(group.environments) >= _MOST_ENVIRONMENTS
            finishing = any(each.finishing for each in group.environments)
            if not full and not (finishing and await _changes(group, _FINISHING_SECONDS)):
                return await self._add(group, function)
            if full:
                await _changes(group, None)

    async def _add(self, group: _Group, function: Mapping[str, Any]) -> ExecutionEnvironment:
        config = function["config"]
        group_name = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        environment = ExecutionEnvironment(
            config,
            function["code_zip"],
            log_group=group_name,
            on_change=group.changed.set,
            on_record=lambda record: _write_log(function, record),
        )
        group.environments.append(environment)
        await environment.start()
        environment.reserve()
        return environment

    def _group(self, config: Mapping[str, Any]) -> _Group:
        revision = (str(config.get("CodeSha256")), str(config.get("LastModified")), str(config.get("RevisionId")))
        key = str(config["FunctionArn"])
        group = self._groups.get(key)
        if group is not None and group.revision == revision:
            return group
        if group is not None:
            self._end(group)
        self._groups[key] = _Group(revision)
        return self._groups[key]

    def _retire(self, function_name: str) -> None:
        for key in [key for key in self._groups if key.split(":")[6] == function_name]:
            self._end(self._groups.pop(key))

    def _end(self, group: _Group) -> None:
        for environment in group.environments:
            if environment.state is State.BUSY:
                self._loop.create_task(_stop_when_idle(environment, group))
            else:
                self._loop.create_task(environment.stop())


async def _stop_when_idle(environment: ExecutionEnvironment, group: _Group) -> None:
    while environment.state is State.BUSY:
        group.changed.clear()
        await group.changed.wait()
    await environment.stop()


async def _changes(group: _Group, seconds: float | None) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await group.changed.wait()
            return True
    return False


def _write_log(function: Mapping[str, Any], record: InvocationRecord) -> None:
    """Log lines and metrics, written as upstream writes them for the functions it runs itself."""
    from ministack.services import lambda_svc

    def write() -> None:
        text = "\n".join(record.lines)
        lambda_svc._emit_lambda_logs(function, record.request_id, text, record.failed, record.milliseconds)
        name = function["config"]["FunctionName"]
        lambda_svc._emit_lambda_metrics(
            name, duration_ms=float(record.milliseconds), error=record.failed, throttle=False
        )

    lambda_svc._run_with_function_config_scope(function, write)


_pool: FunctionPool | None = None


def pool() -> FunctionPool:
    """The emulator's pool, made at its first use inside the event loop."""
    global _pool  # noqa: PLW0603 (upstream's request handlers are module functions: there is no object to hang it on)
    if _pool is None:
        _pool = FunctionPool()
    return _pool


def existing_pool() -> FunctionPool | None:
    """The pool if any wrapped function has run."""
    return _pool


async def close_pool() -> None:
    """End every function process of this emulator."""
    if _pool is not None:
        await _pool.close()


__all__ = ["FunctionError", "FunctionPool", "close_pool", "existing_pool", "pool"]
