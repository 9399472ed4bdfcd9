"""The Lambda Runtime API for one execution environment: `next`, `response` (streamed or not), `error`, `init/error`.

Written to the public description of the API. A streamed body is handed on chunk by chunk while the function still
writes; an error trailer after it, or a connection that breaks, ends the invocation as failed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import h11

_PREFIX = "/2018-06-01/runtime/"
_QUEUED_CHUNKS = 64
_READ_SIZE = 65536


class FunctionError(Exception):
    """The function failed: it said so, it exited, or it ran into its timeout."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


@dataclass
class Invocation:
    """One event on its way through an execution environment; `deadline` is a Unix time in seconds."""

    request_id: str
    event: bytes
    deadline: float
    arn: str
    content_type: str = ""
    queue: asyncio.Queue[bytes | FunctionError | None] = field(default_factory=lambda: asyncio.Queue(_QUEUED_CHUNKS))
    answered: bool = False
    failed: bool = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The payload as it arrives; raises FunctionError where the function failed or its time was up."""
        while True:
            item = await self._next_item()
            if item is None:
                return
            if isinstance(item, FunctionError):
                raise item
            yield item

    async def _next_item(self) -> bytes | FunctionError | None:
        try:
            async with asyncio.timeout(max(0.0, self.deadline - time.time())):
                return await self.queue.get()
        except TimeoutError:
            self.failed = True
            raise FunctionError("Sandbox.Timedout", f"{self.request_id} Task timed out") from None

    async def fail(self, error: FunctionError) -> None:
        """End the invocation as failed, unless it has ended already."""
        if not self.answered:
            self.answered = self.failed = True
            await self.queue.put(error)


class RuntimeApi:
    """Serve the Runtime API to one process; `on_next` is called each time it asks for work."""

    def __init__(self, on_next: Callable[[], None], on_init_error: Callable[[FunctionError], None]) -> None:
        self._on_next = on_next
        self._on_init_error = on_init_error
        self._pending: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: Invocation | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen on a free loopback port; returns `host:port` for AWS_LAMBDA_RUNTIME_API."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def close(self) -> None:
        """Stop listening and drop the function's connections."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._connections):
            task.cancel()

    def offer(self, invocation: Invocation) -> None:
        """Hand an invocation to the next `next`."""
        self._pending.put_nowait(invocation)

    async def abandon(self, error: FunctionError) -> None:
        """Fail what is being worked on or waits: the process is gone."""
        if self._current is not None:
            await self._current.fail(error)
        while not self._pending.empty():
            await self._pending.get_nowait().fail(error)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        connection = _Connection(reader, writer)
        try:
            while await self._answer_one(connection):
                pass
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            if self._current is not None and connection.in_response:
                await self._current.fail(FunctionError("Runtime.ExitError", "the response broke off"))
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer_one(self, connection: _Connection) -> bool:
        request = await connection.request()
        if request is None:
            return False
        path = request.target.decode("ascii")
        if path == f"{_PREFIX}invocation/next":
            await connection.drain()
            await self._answer_next(connection)
        elif path == f"{_PREFIX}init/error":
            self._on_init_error(_error_of(request, await connection.body()))
            await connection.send(202, {}, b"")
        else:
            await self._answer_result(connection, request, path)
        return connection.reusable()

    async def _answer_next(self, connection: _Connection) -> None:
        self._current = None
        self._on_next()
        invocation = await self._pending.get()
        self._current = invocation
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{invocation.request_id[-12:]:0>24};Sampled=0",
        }
        await connection.send(200, headers, invocation.event)

    async def _answer_result(self, connection: _Connection, request: h11.Request, path: str) -> None:
        invocation = self._current
        request_id, _, action = path.removeprefix(f"{_PREFIX}invocation/").partition("/")
        if invocation is None or invocation.request_id != request_id or invocation.answered:
            await connection.drain()
            await connection.send(400, {}, b'{"errorType":"InvalidRequestID","errorMessage":"not the current request"}')
        elif action == "error":
            await invocation.fail(_error_of(request, await connection.body()))
            await connection.send(202, {}, b'{"status":"OK"}')
        else:
            await self._take_response(connection, request, invocation)
            await connection.send(202, {}, b'{"status":"OK"}')

    async def _take_response(self, connection: _Connection, request: h11.Request, invocation: Invocation) -> None:
        invocation.content_type = _header(request.headers, b"content-type")
        connection.in_response = True
        async for chunk in connection.chunks():
            if not invocation.failed:
                await invocation.queue.put(chunk)
        connection.in_response = False
        kind = _header(connection.trailers, b"lambda-runtime-function-error-type")
        if kind:
            await invocation.fail(FunctionError(kind, _trailer_message(connection.trailers)))
        elif not invocation.answered:
            invocation.answered = True
            await invocation.queue.put(None)


class _Connection:
    """HTTP/1.1 with the function's process: h11 for the protocol, streams for the bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.SERVER)
        self.trailers: Any = ()
        self.in_response = False

    async def request(self) -> h11.Request | None:
        event = await self._event()
        return event if isinstance(event, h11.Request) else None

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.trailers = event.headers
                return
            else:
                raise ConnectionError("the function's request broke off")

    async def body(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def drain(self) -> None:
        await self.body()

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        fields = [*headers.items(), ("Content-Length", str(len(body)))]
        for event in (h11.Response(status_code=status, headers=fields), h11.Data(data=body), h11.EndOfMessage()):
            self._writer.write(self._protocol.send(event) or b"")
        await self._writer.drain()

    def reusable(self) -> bool:
        if self._protocol.our_state is not h11.DONE or self._protocol.their_state is not h11.DONE:
            return False
        self._protocol.start_next_cycle()
        return True

    async def _event(self) -> Any:
        while True:
            if self._protocol.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._protocol.send(go_on) or b"")
            event = self._protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._protocol.receive_data(await self._reader.read(_READ_SIZE))


def _header(headers: Any, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _trailer_message(trailers: Any) -> str:
    """The error body travels base64-encoded, because trailers can't hold JSON safely."""
    encoded = _header(trailers, b"lambda-runtime-function-error-body")
    try:
        return _message(base64.b64decode(encoded, validate=True))
    except ValueError:
        return encoded


def _error_of(request: h11.Request, body: bytes) -> FunctionError:
    return FunctionError(_header(request.headers, b"lambda-runtime-function-error-type") or "Unhandled", _message(body))


def _message(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        decoded = json.loads(text)
    except ValueError:
        return text
    return str(decoded.get("errorMessage", text)) if isinstance(decoded, dict) else text
