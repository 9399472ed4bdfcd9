"""Runs a program of this process for the engine: the inline half of Pulumi's automation interface.

Serves the language host and receives the event stream on one loopback port. It is our own small servicer instead of
`pulumi.automation.Stack` because that one starts five processes per operation and turns exceptions into text; here an
exception raised in the program, or in one of its `apply` callbacks, comes out as itself.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime.proto import (
    LanguageRuntimeServicer,
    events_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
)

Program = Callable[[], None]
OnRawEvent = Callable[[Mapping[str, Any]], None]

STOP_SECONDS = 5
_OPTIONS = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    # A program that computes for long may keep a request queued; gRPC would drop it after 30 s.
    ("grpc.server_max_unrequested_time_in_server", 30 * 60),
]
# The program reads the environment and Pulumi's runtime keeps globals: operations of one process take turns.
_ONE_AT_A_TIME = threading.Lock()


class InlineHost:
    """Serves one operation. `failure` is what the program raised, `event_failure` what the event callback did."""

    def __init__(self, program: Program, on_event: OnRawEvent) -> None:
        self._language = _Language(program)
        self._events = _Events(on_event)
        self._server = grpc.server(ThreadPoolExecutor(max_workers=4), options=_OPTIONS)
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(self._language, self._server)
        events_pb2_grpc.add_EventsServicer_to_server(self._events, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    @property
    def failure(self) -> BaseException | None:
        return self._language.failure

    @property
    def event_failure(self) -> BaseException | None:
        return self._events.failure

    def __enter__(self) -> InlineHost:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._language.abandon()
        self._server.stop(STOP_SECONDS).wait()


@contextmanager
def engine_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Give the program exactly the engine's environment while an operation runs, as a process of its own would have.

    Without it the sandbox would not be closed: a program that opens an AWS client would find the real credentials.
    """
    with _ONE_AT_A_TIME:
        before = dict(os.environ)
        _replace_environment(environment)
        try:
            yield
        finally:
            _replace_environment(before)


def _replace_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


class _Language(LanguageRuntimeServicer):
    def __init__(self, program: Program) -> None:
        self._program = program
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None
        self.failure: BaseException | None = None

    def abandon(self) -> None:
        """End a program that the engine left behind: it would wait for ever on resources that are never made."""
        running = self._running
        if running is not None:
            loop, task = running
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(task.cancel)

    def Run(self, request: Any, _context: Any) -> Any:
        return contextvars.copy_context().run(self._run, request)

    def GetRequiredPlugins(self, _request: Any, _context: Any) -> Any:
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, _request: Any, _context: Any) -> Any:
        return language_pb2.GetRequiredPackagesResponse()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return plugin_pb2.PluginInfo()

    def About(self, _request: Any, _context: Any) -> Any:
        version = ".".join(str(part) for part in sys.version_info[:3])
        return language_pb2.AboutResponse(executable=sys.executable, version=version)

    def _run(self, request: Any) -> Any:
        # Tasks that fail after the first failure are of no interest, and asyncio would print each of them.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        reset_options(
            project=request.project,
            stack=request.stack,
            organization=request.organization or "organization",
            monitor_address=request.monitor_address,
            engine_address=request.args[0] if request.args else "",
            parallel=request.parallel,
            preview=request.dryRun,
        )
        if request.config:
            set_all_config(dict(request.config), list(request.configSecretKeys))
        loop = asyncio.new_event_loop()
        loop.set_default_executor(ThreadPoolExecutor(max_workers=max(request.parallel, 1) * 4))
        task = loop.create_task(run_in_stack(self._program))
        self._running = (loop, task)
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            return language_pb2.RunResponse(error="the engine ended before the program")
        except BaseException as error:
            self.failure = error
            return language_pb2.RunResponse(error=f"the program raised {type(error).__name__}")
        finally:
            self._running = None
            _close(loop)
        return language_pb2.RunResponse()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


class _Events(events_pb2_grpc.EventsServicer):
    def __init__(self, on_event: OnRawEvent) -> None:
        self._on_event = on_event
        self.failure: BaseException | None = None

    def StreamEvents(self, request_iterator: Any, _context: Any) -> Any:
        # The engine ends with the stream, so a callback that raises must not stop the reading.
        for request in request_iterator:
            if self.failure is None:
                try:
                    self._on_event(json.loads(request.event))
                except BaseException as error:  # rich ends with SystemExit when its terminal has gone
                    self.failure = error
        return empty_pb2.Empty()
