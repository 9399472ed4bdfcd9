"""The ASGI door under uvicorn: the official OpenAI client, streams over time, and clients that leave."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
import uvicorn
from relay_kit import Desk, config, desk, document, wait_for
from relay_vendor import DONE, Vendor, chunk, completion, refuse, stream, talk_until_closed, usage_chunk, whole

from llmstrat_iac.relay.asgi import RelayApp, create_app
from llmstrat_iac.relay.budget import MemoryBudget
from llmstrat_iac.relay.consumers import KeyEntry, KeyRing
from llmstrat_iac.relay.exchange import Response
from llmstrat_iac.relay.routing import MAX_BODY

KEY = "consumer-key-0123456789"
OLD_KEY = "consumer-key-expired"
MESSAGES: Any = [{"role": "user", "content": "hi"}]


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


KEYS = KeyRing({digest(KEY): KeyEntry("web", None), digest(OLD_KEY): KeyEntry("web", time.time() - 1)})


@dataclass
class Served:
    url: str
    desk: Desk
    client: openai.OpenAI

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)


class Door:
    """The application that the one server of this file serves; each test puts its own relay behind it."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str, openai.OpenAI]]:
    app = Door()
    listener = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    wait_for(lambda: server.started)
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
        yield app, url, client
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def serve(vendor: Vendor, door: tuple[Door, str, openai.OpenAI]) -> Callable[..., Served]:
    """Put a relay behind the server."""
    app, url, client = door

    def start(budget: MemoryBudget | None = None, **changes: Any) -> Served:
        made = desk(config(vendor.url, **changes), budget=budget)
        app.app = RelayApp(made.relay, KEYS, threads=8)
        return Served(url, made, client)

    return start


def test_chat(serve: Callable[..., Served], vendor: Vendor) -> None:
    vendor.will(whole(completion("Hello")))
    served = serve()
    answer = served.client.chat.completions.create(model="gpt-main", messages=MESSAGES)
    assert (answer.model, answer.choices[0].message.content) == ("gpt-main", "Hello")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 18
    assert KEY not in json.dumps([served.desk.lines, vendor.received[0].headers])


def test_streamed_chat(serve: Callable[..., Served], vendor: Vendor) -> None:
    vendor.will(stream(chunk("Hel"), chunk("lo"), chunk(None, finish="stop"), usage_chunk(3, 2), DONE))
    chunks = list(serve().client.chat.completions.create(model="gpt-main", messages=MESSAGES, stream=True))
    assert "".join(item.choices[0].delta.content or "" for item in chunks) == "Hello"
    assert {item.model for item in chunks} == {"gpt-main"}
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_streamed_chat_with_usage(serve: Callable[..., Served], vendor: Vendor) -> None:
    vendor.will(stream(chunk("a"), chunk(None, finish="stop"), usage_chunk(3, 2), DONE))
    options: Any = {"include_usage": True}
    create = serve().client.chat.completions.create
    *_, last = create(model="gpt-main", messages=MESSAGES, stream=True, stream_options=options)
    assert last.usage is not None
    assert last.usage.completion_tokens == 2


def test_embeddings_and_models(serve: Callable[..., Served], vendor: Vendor) -> None:
    item = {"object": "embedding", "index": 0, "embedding": [0.5, -0.5]}
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    vendor.will(whole({"object": "list", "data": [item], "model": "gpt-5.2", "usage": usage}))
    client = serve().client
    got = client.embeddings.create(model="gpt-main", input="hi", encoding_format="float")
    assert (got.model, got.data[0].embedding) == ("gpt-main", [0.5, -0.5])
    assert [model.id for model in client.models.list()] == ["gpt-main"]


@pytest.mark.parametrize("key", ["wrong", OLD_KEY])
def test_401(serve: Callable[..., Served], key: str) -> None:
    served = serve()
    with pytest.raises(openai.AuthenticationError) as caught:
        served.client.with_options(api_key=key).chat.completions.create(model="gpt-main", messages=MESSAGES)
    assert caught.value.code == "invalid_api_key"
    assert served.desk.lines == []


def test_400_and_404(serve: Callable[..., Served]) -> None:
    client = serve().client
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="gpt-other", messages=MESSAGES)
    assert refused.value.code == "model_not_allowed"
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-9", messages=MESSAGES)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.files.list()


def test_429_from_the_vendor_and_from_the_budget(serve: Callable[..., Served], vendor: Vendor) -> None:
    vendor.will(refuse(429, "slow down"))
    limit = {"web": {"models": ["gpt-main"], "tokens_per_month": 5000}}
    client = serve(MemoryBudget(), consumers=limit, budget_table="t").client
    with pytest.raises(openai.RateLimitError, match="slow down"):
        client.chat.completions.create(model="gpt-main", messages=MESSAGES)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="gpt-main", messages=MESSAGES, max_tokens=6000)
    assert caught.value.code == "insufficient_quota"


def test_an_error_on_the_way_is_raised_by_the_client(serve: Callable[..., Served], vendor: Vendor) -> None:
    vendor.will(stream(chunk("half"), dies=True))
    chunks = serve().client.chat.completions.create(model="gpt-main", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError, match="broke off"):
        list(chunks)


def test_silence_is_filled_and_ignored_by_the_client(serve: Callable[..., Served], vendor: Vendor) -> None:
    speak = threading.Event()
    vendor.will(stream(chunk("a"), chunk(None, finish="stop"), DONE, before=speak))
    served = serve(keepalive_seconds=0.02)
    connection = http.client.HTTPConnection(*served.address)
    ask(connection)
    reply = connection.getresponse()
    assert reply.read(18) == b": ping\n\n: ping\n\n: "
    speak.set()
    assert b'"content":"a"' in reply.read()
    connection.close()


def ask(connection: http.client.HTTPConnection) -> None:
    asked = {"model": "gpt-main", "messages": MESSAGES, "stream": True}
    connection.request("POST", "/v1/chat/completions", json.dumps(asked), {"authorization": f"bearer {KEY}"})


def test_a_client_that_leaves_closes_the_vendors_connection(serve: Callable[..., Served], vendor: Vendor) -> None:
    closed = threading.Event()
    vendor.will(talk_until_closed(closed))
    served = serve()
    connection = http.client.HTTPConnection(*served.address)
    ask(connection)
    reply = connection.getresponse()
    reply.read(10)
    reply.close()
    connection.close()
    assert closed.wait(60)
    wait_for(lambda: served.desk.lines)
    assert served.desk.usage()["error"] == "client_disconnected"


def test_a_client_that_leaves_during_silence_frees_its_thread(serve: Callable[..., Served], vendor: Vendor) -> None:
    never = threading.Event()
    vendor.will(stream(chunk("late"), before=never))
    served = serve()
    connection = http.client.HTTPConnection(*served.address)
    ask(connection)
    reply = connection.getresponse()
    reply.close()
    connection.close()
    wait_for(lambda: served.desk.lines)
    never.set()
    assert served.desk.usage()["error"] == "client_disconnected"


class Deaf:
    """A relay whose stream never ends and doesn't hear `abort`."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def handle(self, request: object) -> Response:
        return Response(200, (), self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return b"data: 1\n\n"

    def close(self) -> None:
        self.closed.set()

    def abort(self) -> None: ...


def test_a_stream_that_cannot_be_aborted_is_closed_at_its_next_piece() -> None:
    relay: Any = Deaf()
    messages = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]
    headers = [(b"authorization", f"Bearer {KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None: ...

    asyncio.run(asyncio.wait_for(RelayApp(relay, KEYS, threads=1)(scope, receive, send), 60))
    assert relay.closed.wait(60)


def test_a_slow_client_holds_the_vendor_back_and_loses_nothing(serve: Callable[..., Served], vendor: Vendor) -> None:
    pieces = [chunk(f"{number:06d}" * 200) for number in range(400)]
    vendor.will(stream(*pieces, chunk(None, finish="stop"), DONE))
    got: list[str] = []
    for item in serve().client.chat.completions.create(model="gpt-main", messages=MESSAGES, stream=True):
        got.append((item.choices[0].delta.content or "")[:6])
        if len(got) % 100 == 0:
            time.sleep(0.02)
    assert got == [f"{number:06d}" for number in range(400)] + [""]


def test_a_body_that_is_too_large_is_refused(serve: Callable[..., Served]) -> None:
    served = serve()
    connection = http.client.HTTPConnection(*served.address)
    headers = {"authorization": f"Bearer {KEY}"}
    connection.request("POST", "/v1/chat/completions", b" " * (MAX_BODY + 100_000), headers)
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())["error"]["code"]) == (400, "request_too_large")
    connection.close()


def test_the_server_starts_and_stops_it() -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(RelayApp(desk(config()).relay, KEYS)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_factory_reads_its_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = {"web": {"models": ["gpt-main"], "tokens_per_month": 5}}
    (tmp_path / "relay.json").write_text(json.dumps(document(consumers=limit)))
    (tmp_path / "consumers.json").write_text(json.dumps({"version": 1, "keys": {digest(KEY): {"consumer": "web"}}}))
    monkeypatch.setenv("LLMSTRAT_RELAY_CONFIG", str(tmp_path / "relay.json"))
    monkeypatch.setenv("LLMSTRAT_RELAY_CONSUMERS", str(tmp_path / "consumers.json"))
    assert isinstance(create_app(), RelayApp)
