"""Lambda's Runtime API on loopback: hands out invocations, keeps what the runtime posts, chunk by chunk."""

from __future__ import annotations

import base64
import json
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from relay_vendor import serving


@dataclass
class Post:
    """One POST of the runtime. `chunks` grows while a stream runs."""

    path: str
    headers: dict[str, str]
    chunks: list[bytes] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)
    ended: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def split(self) -> tuple[dict[str, Any], bytes]:
        """The prelude and the body of a streamed response."""
        prelude, _, rest = self.body.partition(b"\0" * 8)
        return json.loads(prelude), rest

    def trailing_error(self) -> Any:
        return json.loads(base64.b64decode(self.trailers["lambda-runtime-function-error-body"]))


@dataclass
class RuntimeServer:
    address: str = ""
    waiting: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    posts: list[Post] = field(default_factory=list)
    hang_up_after: int | None = None
    deadline_seconds: float = 30
    given: int = 0

    def invoke(self, event: dict[str, Any]) -> None:
        self.waiting.put(event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    runtime: RuntimeServer

    def do_GET(self) -> None:
        assert self.path == "/2018-06-01/runtime/invocation/next"
        event = json.dumps(self.runtime.waiting.get()).encode()
        self.runtime.given += 1
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", f"inv-{self.runtime.given}")
        deadline = int((time.time() + self.runtime.deadline_seconds) * 1000)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
        self.send_header("Lambda-Runtime-Trace-Id", f"Root=1-{self.runtime.given}")
        self.send_header("content-length", str(len(event)))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        post = Post(self.path, {name.lower(): value for name, value in self.headers.items()})
        self.runtime.posts.append(post)
        if post.headers.get("transfer-encoding") == "chunked":
            if not self._read_chunks(post):
                self.close_connection = True
                return
        else:
            post.chunks.append(self.rfile.read(int(post.headers["content-length"])))
        post.ended = True
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def _read_chunks(self, post: Post) -> bool:
        while size := int(self.rfile.readline(), 16):
            post.chunks.append(self.rfile.read(size))
            assert self.rfile.readline() == b"\r\n"
            if self.runtime.hang_up_after is not None and len(post.chunks) >= self.runtime.hang_up_after:
                return False
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(": ")
            post.trailers[name.lower()] = value
        return True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def runtime_server() -> Iterator[RuntimeServer]:
    runtime = RuntimeServer()
    with serving(type("Handler", (_Handler,), {"runtime": runtime})) as url:
        runtime.address = url.removeprefix("http://")
        yield runtime


def proxy_event(document: Any, path: str = "/chat/completions", method: str = "POST", **changes: Any) -> dict[str, Any]:
    """An API Gateway proxy event (v1) as far as the relay reads it."""
    return {
        "httpMethod": method,
        "path": path,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(document),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "gw-1", "stage": "v1", "authorizer": {"consumer": "web"}},
    } | changes
