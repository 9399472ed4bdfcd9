"""A model vendor on loopback: real HTTP, answers scripted by the test."""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["VendorHandler"], None]


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    document: Any
    body: bytes
    client: Any
    """Address and port: the same for requests on one connection."""


@dataclass
class Vendor:
    """`answers` are given in turn; the last one stays."""

    url: str
    answers: deque[Answer] = field(default_factory=deque)
    received: list[Received] = field(default_factory=list)

    def next_answer(self) -> Answer:
        return self.answers.popleft() if len(self.answers) > 1 else self.answers[0]

    def will(self, *answers: Answer) -> None:
        self.answers.clear()
        self.answers.extend(answers)


class VendorHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    vendor: Vendor

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        document = json.loads(body) if body else None
        self.vendor.received.append(Received(self.path, headers, document, body, self.client_address))
        self.vendor.next_answer()(self)

    def start(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def chunk(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


def whole(document: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON answer, or bytes as they are."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def answer(handler: VendorHandler) -> None:
        handler.start(status, content_type="application/json", content_length=str(len(body)), **headers)
        handler.wfile.write(body)

    return answer


def refuse(status: int, message: str = "no", **headers: str) -> Answer:
    error = {"message": message, "type": "vendor_type", "param": "p", "code": "vendor_code"}
    return whole({"error": error}, status, **headers)


def stream(*pieces: bytes, before: threading.Event | None = None, dies: bool = False) -> Answer:
    """Server-sent events, piece by piece; `before` holds the first one back; `dies` leaves the body unfinished."""

    def answer(handler: VendorHandler) -> None:
        handler.start(200, content_type="text/event-stream", transfer_encoding="chunked")
        if before is not None:
            before.wait(60)
        for piece in pieces:
            handler.chunk(piece)
        if dies:
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")

    return answer


def drop(handler: VendorHandler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def talk_until_closed(closed: threading.Event) -> Answer:
    """Stream without end, and tell when the other side has gone."""

    def answer(handler: VendorHandler) -> None:
        handler.close_connection = True
        handler.start(200, content_type="text/event-stream", transfer_encoding="chunked")
        try:
            while not closed.wait(0.01):
                handler.chunk(chunk("word "))
        except OSError:
            closed.set()

    return answer


def chunk(text: str | None, model: str = "gpt-5.2-2026-01-01", finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    document = {"id": "c1", "object": "chat.completion.chunk", "model": model, "choices": [choice], "usage": None}
    return event(document)


def usage_chunk(prompt: int, completion: int, model: str = "gpt-5.2-2026-01-01") -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return event({"id": "c1", "object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage})


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def completion(text: str = "Hello", prompt: int = 11, tokens: int = 7) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-5.2-2026-01-01",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens},
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave are part of the tests."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of loopback; gives the URL."""
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def vendor_server() -> Iterator[Vendor]:
    vendor = Vendor("")
    handler = type("Handler", (VendorHandler,), {"vendor": vendor})
    with serving(handler) as url:
        vendor.url = f"{url}/v1"
        yield vendor
