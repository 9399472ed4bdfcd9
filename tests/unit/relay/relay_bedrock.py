"""Bedrock's Converse API on loopback, with AWS's real event-stream framing."""

from __future__ import annotations

import binascii
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.config import Config
from relay_vendor import serving


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    session.set_credentials("AKIDTEST", "secret")
    return session


@dataclass
class Bedrock:
    url: str = ""
    status: int = 200
    error: str = ""
    reply: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    received: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    endless: bool = False

    def client(self) -> Any:
        """A real botocore client for this server."""
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60, connect_timeout=60)
        return _session().create_client(
            "bedrock-runtime", region_name="us-east-1", endpoint_url=self.url, config=config
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bedrock: Bedrock

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.bedrock.received.append((unquote(self.path), body, self.headers["authorization"]))
        if self.bedrock.status != 200:
            self._json({"message": f"says {self.bedrock.error}"})
        elif self.path.endswith("/converse"):
            self._json(self.bedrock.reply)
        else:
            self._stream()

    def _json(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(self.bedrock.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if self.bedrock.error:
            self.send_header("x-amzn-errortype", self.bedrock.error)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for name, payload in self.bedrock.events:
            self._chunk(frame(name, payload))
        try:
            while self.bedrock.endless and not self.bedrock.closed.wait(0.01):
                delta = {"contentBlockIndex": 0, "delta": {"text": "more "}}
                self._chunk(frame("contentBlockDelta", delta))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.bedrock.closed.set()

    def _chunk(self, piece: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def log_message(self, format: str, *args: object) -> None:
        pass


def frame(name: str, payload: dict[str, Any]) -> bytes:
    """One message: lengths, CRC, headers, payload, CRC."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    packed = b"".join(_header(key, value) for key, value in headers.items())
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(packed) + len(body), len(packed))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + packed + body
    return message + struct.pack(">I", binascii.crc32(message))


def _header(key: str, value: str) -> bytes:
    return struct.pack(">B", len(key)) + key.encode() + struct.pack(">BH", 7, len(value)) + value.encode()


@contextmanager
def bedrock_server() -> Iterator[Bedrock]:
    bedrock = Bedrock()
    with serving(type("Handler", (_Handler,), {"bedrock": bedrock})) as url:
        bedrock.url = url
        yield bedrock
