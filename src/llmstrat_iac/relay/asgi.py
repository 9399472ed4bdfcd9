"""The door for ASGI servers: local use, containers, benchmarks. `uvicorn --factory llmstrat_iac.relay.asgi:create_app`

It authenticates itself with `consumers.json` (behind API Gateway the authorizer does). The core is synchronous and
runs in threads; one thread carries a request from its first byte to its last.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from random import getrandbits
from typing import Any, Final

from .app import MAX_SECONDS, Relay, create_relay
from .budget import MemoryBudget
from .config import load_config
from .consumers import KeyRing, load_keys
from .errors import RelayError
from .exchange import Body, Request, Response
from .routing import MAX_BODY
from .sse import PING

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS: Final = 256  # requests in flight; more wait for a thread
_AHEAD: Final = 64  # pieces that a slow client may leave unsent before its vendor is no longer read
_JSON: Final = (b"content-type", b"application/json")


class RelayApp:
    """An ASGI application over one relay."""

    def __init__(self, relay: Relay, keys: KeyRing, *, threads: int = THREADS) -> None:
        self._relay = relay
        self._keys = keys
        self._threads = ThreadPoolExecutor(threads, "relay")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._threads.shutdown(wait=False)
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        consumer = self._keys.consumer_of(_authorization(scope), time.time())
        if consumer is None:
            await _refuse(send, RelayError(401, "invalid_api_key", "the API key is missing, wrong or expired"))
            return
        body = await _read_body(receive)
        if body is None:
            return
        request = Request(
            method=scope["method"],
            path=scope["path"],
            body=body,
            consumer=consumer,
            request_id=f"{getrandbits(128):032x}",
            deadline=time.monotonic() + MAX_SECONDS,
        )
        loop = asyncio.get_running_loop()
        begun: Begun = loop.create_future()
        self._threads.submit(_carry, self._relay, request, loop, begun)
        try:
            response, channel = await begun
        except Exception:
            await _refuse(send, RelayError(500, "internal_error", "the gateway failed", kind="server_error"))
            raise
        if channel is not None:
            await _stream(response, channel, receive, send)
        else:
            await _start(send, response)
            await send({"type": "http.response.body", "body": response.body})


class _Channel:
    """A body's pieces on their way from the carrying thread to the event loop; None ends them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, body: Body) -> None:
        self._loop = loop
        self._body = body
        self._gone = threading.Event()
        # One at first: a thread that never waits keeps Python's lock for 5 ms, and the client waits for its first byte.
        self._room = threading.Semaphore(1)
        self._more_room = _AHEAD - 1
        self._pieces: deque[bytes | None] = deque()
        self._arrived = asyncio.Event()

    def carry(self) -> None:
        """Runs in the thread: read the body to its end, no faster than the client takes it."""
        try:
            for piece in self._body:
                self._put(piece)
                if self._gone.is_set():
                    break
        finally:
            self._body.close()
            self._put(None)

    async def take(self, seconds: float) -> tuple[bytes, bool]:
        """Everything that has arrived and whether the body ended; TimeoutError after that much silence."""
        if not self._pieces:
            self._arrived.clear()
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        pieces = list(self._pieces)
        self._pieces.clear()
        self._room.release(len(pieces) + self._more_room)
        self._more_room = 0
        ended = pieces[-1] is None
        return b"".join(piece for piece in pieces if piece), ended

    def leave(self) -> None:
        """The client is gone: unblock the thread wherever it waits."""
        self._gone.set()
        self._room.release(_AHEAD)
        self._body.abort()

    def _put(self, piece: bytes | None) -> None:
        self._room.acquire()
        self._loop.call_soon_threadsafe(self._arrive, piece)

    def _arrive(self, piece: bytes | None) -> None:
        self._pieces.append(piece)
        self._arrived.set()


Begun = asyncio.Future[tuple[Response, _Channel | None]]


def _carry(relay: Relay, request: Request, loop: asyncio.AbstractEventLoop, begun: Begun) -> None:
    """Runs in a thread: handle the request, and if it streams, read its body to the end."""
    try:
        response = relay.handle(request)
    except Exception as error:
        loop.call_soon_threadsafe(_fail, begun, error)
        return
    channel = None if isinstance(response.body, bytes) else _Channel(loop, response.body)
    loop.call_soon_threadsafe(_begin, begun, (response, channel))
    if channel is not None:
        channel.carry()


def _begin(begun: Begun, what: tuple[Response, _Channel | None]) -> None:
    if not begun.cancelled():
        begun.set_result(what)
    elif what[1] is not None:
        what[1].leave()


def _fail(begun: Begun, error: Exception) -> None:
    if not begun.cancelled():
        begun.set_exception(error)


async def _stream(response: Response, channel: _Channel, receive: Receive, send: Send) -> None:
    watcher = asyncio.ensure_future(_until_gone(receive, channel))
    ended = False
    try:
        await _start(send, response)
        while not ended:
            try:
                piece, ended = await channel.take(response.keepalive_seconds)
            except TimeoutError:
                piece = PING
            await send({"type": "http.response.body", "body": piece, "more_body": not ended})
    finally:
        watcher.cancel()
        if not ended:
            channel.leave()


async def _until_gone(receive: Receive, channel: _Channel) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    channel.leave()


async def _read_body(receive: Receive) -> bytes | None:
    """The body, or None if the client left. One byte more than allowed is enough for the core to refuse it."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if size <= MAX_BODY:
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        if not message.get("more_body"):
            return b"".join(pieces)


async def _start(send: Send, response: Response) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    if isinstance(response.body, bytes):
        headers.append((b"content-length", b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})


async def _refuse(send: Send, error: RelayError) -> None:
    body = error.body()
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _authorization(scope: Message) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            text: str = value.decode("latin-1")
            return text
    return ""


def create_app() -> RelayApp:
    """The application of the configured files; without a budget table, budgets are kept in this process."""
    config = load_config()
    return RelayApp(create_relay(config, budget=None if config.budget_table else MemoryBudget()), load_keys())
