"""What `relay.py` measures: a vendor that answers at once, a bare pass-through proxy, and the relay with its files."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

KEY = "benchmark-consumer-key"
WORD = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "up",
    "choices": [{"index": 0}],
    "usage": None,
}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "up",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 60}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 200, "completion_tokens": 60, "total_tokens": 260},
}


class Upstream(asyncio.Protocol):
    """A vendor that answers at once: as little Python as possible, so that it isn't what is measured."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, blank, rest = self._seen.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(rest) >= length:
            self._seen = rest[length:]
            self._transport.write(STREAMED if b'"stream":true' in rest.replace(b" ", b"") else WHOLE)


def _whole() -> bytes:
    body = json.dumps(ANSWER, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def _streamed() -> bytes:
    words = [
        WORD | {"choices": [{"index": 0, "delta": {"content": f"w{n} "}, "finish_reason": None}]} for n in range(60)
    ]
    words.append(WORD | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    events = [b"data: " + json.dumps(word, separators=(",", ":")).encode() + b"\n\n" for word in words]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in [*events, b"data: [DONE]\n\n"])
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + chunks + b"0\r\n\r\n"


WHOLE, STREAMED = _whole(), _streamed()


async def serve_upstream(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


class BareProxy:
    """The least that passes a body there and an answer back. It knows no keys, models, budgets or usage."""

    def __init__(self, upstream: int) -> None:
        import urllib3

        self._pool = urllib3.HTTPConnectionPool("127.0.0.1", upstream, maxsize=256)
        self._threads = ThreadPoolExecutor(256)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        loop = asyncio.get_running_loop()
        answer, first = await loop.run_in_executor(self._threads, self._ask, scope["path"], body)
        headers = [(b"content-type", answer.headers["content-type"].encode())]
        if "content-length" in answer.headers:
            headers.append((b"content-length", b"%d" % len(first)))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": first})
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        while first:
            await send({"type": "http.response.body", "body": first, "more_body": True})
            first = await loop.run_in_executor(self._threads, answer.read1, 65536)
        answer.release_conn()
        await send({"type": "http.response.body", "body": b""})

    def _ask(self, path: str, body: bytes) -> tuple[Any, bytes]:
        headers = {"content-type": "application/json", "authorization": "Bearer vendor-key"}
        answer = self._pool.urlopen("POST", path, body, headers, retries=False, preload_content=False)
        return answer, answer.data if "content-length" in answer.headers else answer.read1(65536)


def serve_proxy(kind: str, port: int, upstream: int) -> None:
    """Run one of the two under uvicorn. The relay's files are made here, as the infrastructure program would."""
    import uvicorn

    app: Any = BareProxy(upstream)
    if kind == "relay":
        with tempfile.TemporaryDirectory() as folder:
            app = relay_app(Path(folder), upstream)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def relay_app(folder: Path, upstream: int) -> Any:
    from llmstrat_iac.relay.asgi import create_app

    base_url = f"http://127.0.0.1:{upstream}/v1"
    provider = {"wire": "openai", "base_url": base_url, "auth": "bearer", "secret_arn": "env:BENCHMARK_KEY"}
    route = {"provider": "local", "model": "up", "usd_per_mtok_input": 1.0, "usd_per_mtok_output": 2.0}
    settings = {
        "version": 1,
        "stack": "benchmark",
        "consumers": {"web": {"models": ["up"], "tokens_per_month": 10**12}},
        "models": {"up": [route]},
        "providers": {"local": provider},
    }
    keys = {hashlib.sha256(KEY.encode()).hexdigest(): {"consumer": "web"}}
    os.environ["BENCHMARK_KEY"] = "vendor-key"
    for name, document in (("relay", settings), ("consumers", {"version": 1, "keys": keys})):
        (folder / f"{name}.json").write_text(json.dumps(document))
        os.environ["LLMSTRAT_RELAY_" + {"relay": "CONFIG"}.get(name, "CONSUMERS")] = str(folder / f"{name}.json")
    return create_app()
