"""The relay against a bare pass-through proxy: same ASGI server, same HTTP client class, same local upstream.

Prints added median latency, requests per second at 1, 16 and 64 connections, and the first byte's delay of a stream.
Both take turns in one run and a ratio is the median of the rounds' ratios, so that the machine's own speed cancels out.
The processor time per request (Linux only) is the steadiest figure on a machine that does other things, too.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

KEY = "benchmark-consumer-key"
CONNECTIONS = (1, 16, 64)
TARGETS = ("bare", "relay")
CASES = [*((connections, False) for connections in CONNECTIONS), (1, True)]  # connections, streamed or not
LONGEST = 45.0  # seconds after which no further round begins
Results = dict[tuple[str, int, bool], list[dict[str, float]]]
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


def question(stream: bool) -> bytes:
    messages = [{"role": "system", "content": "be brief " * 20}, {"role": "user", "content": "a question " * 60}]
    return json.dumps({"model": "up", "messages": messages, "stream": stream}).encode()


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
            app = _relay_app(Path(folder), upstream)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def _relay_app(folder: Path, upstream: int) -> Any:
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


class Client:
    """One keep-alive connection that checks each answer's status."""

    def __init__(self, port: int, stream: bool) -> None:
        body = question(stream)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        self._request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        self._port = port

    async def timings(self, until: float) -> AsyncIterator[float]:
        """Seconds to the first byte of a body, for one request after the other; whole answers arrive with it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while time.perf_counter() < until:
            started = time.perf_counter()
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"unexpected answer: {head!r} {await reader.read(500)!r}")
            length = head.lower().partition(b"content-length:")[2]
            if length:
                await reader.readexactly(int(length.split(b"\r\n")[0]))
                yield time.perf_counter() - started
            else:
                await reader.readexactly(1)
                yield time.perf_counter() - started
                await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()


async def load(port: int, connections: int, stream: bool, seconds: float) -> dict[str, float]:
    """Median milliseconds and requests per second of a number of connections."""
    took: list[float] = []
    started = time.perf_counter()

    async def work() -> None:
        async for timing in Client(port, stream).timings(started + seconds):
            took.append(timing)

    await asyncio.gather(*(work() for _ in range(connections)))
    return {"ms": median(took) * 1000, "rps": len(took) / (time.perf_counter() - started)}


@contextmanager
def role(*arguments: object) -> Iterator[int]:
    """A process of this file in another role, by its id; what it writes goes to a file, as a log would."""
    command = [sys.executable, __file__, "--role", *map(str, arguments)]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=log) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float | None:
    """The processor time that a process has used, where the system tells."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def measure(port: int, connections: int, stream: bool, seconds: float) -> dict[str, float]:
    """One measurement by a load generator in a process of its own."""
    arguments = ["load", port, connections, int(stream), seconds]
    done = subprocess.run(
        [sys.executable, __file__, "--role", *map(str, arguments)], check=True, stdout=subprocess.PIPE, timeout=30
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def run(rounds: int, seconds: float) -> dict[str, Any]:
    """Both take turns in every round, so that a busy moment of the machine hits both."""
    ports = dict(zip(("upstream", *TARGETS), _free_ports(3), strict=True))
    got: Results = {}
    started = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(role("upstream", ports["upstream"]))
        pids = {target: stack.enter_context(role(target, ports[target], ports["upstream"])) for target in TARGETS}
        for port in ports.values():
            _wait_for(port)
        for target in TARGETS:
            measure(ports[target], 16, False, 0.5)
        for turn in range(rounds):
            if time.monotonic() - started > LONGEST:
                break
            for case in CASES:
                for target in TARGETS if turn % 2 == 0 else reversed(TARGETS):
                    got.setdefault((target, *case), []).append(_watched(pids[target], ports[target], case, seconds))
    return summary(got)


def _watched(pid: int, port: int, case: tuple[int, bool], seconds: float) -> dict[str, float]:
    before = cpu_seconds(pid)
    result = measure(port, *case, seconds)
    after = cpu_seconds(pid)
    if before is not None and after is not None:
        result["cpu_ms"] = (after - before) * 1000 / (result["rps"] * seconds)
    return result


def summary(got: Results) -> dict[str, Any]:
    def pair(connections: int, stream: bool, name: str) -> dict[str, float] | None:
        bare, relay = ([result.get(name) for result in got[target, connections, stream]] for target in TARGETS)
        rounds = [(one, other) for one, other in zip(bare, relay, strict=True) if one and other]
        if not rounds:
            return None
        return {
            "bare": round(median(one for one, _ in rounds), 3),
            "relay": round(median(other for _, other in rounds), 3),
            "ratio": round(median(other / one for one, other in rounds), 3),
            "added": round(median(other - one for one, other in rounds), 3),
        }

    return {
        "median_latency_ms": pair(1, False, "ms"),
        "requests_per_second": {str(connections): pair(connections, False, "rps") for connections in CONNECTIONS},
        "cpu_ms_per_request": pair(16, False, "cpu_ms"),
        "stream_first_byte_ms": pair(1, True, "ms"),
        "streams_per_second": pair(1, True, "rps"),
    }


def table(result: dict[str, Any]) -> str:
    rows = [("median latency, 1 connection (ms)", result["median_latency_ms"])]
    rows += [(f"requests/s, {count} connections", row) for count, row in result["requests_per_second"].items()]
    rows += [("processor time per request (ms)", result["cpu_ms_per_request"])]
    rows += [("stream: first byte, 1 connection (ms)", result["stream_first_byte_ms"])]
    rows += [("streams/s of 62 events, 1 connection", result["streams_per_second"])]
    lines = [f"{'':40}{'bare':>10}{'relay':>10}{'added':>10}{'ratio':>8}"]
    for name, row in rows:
        if row is not None:
            lines.append(f"{name:40}{row['bare']:10.2f}{row['relay']:10.2f}{row['added']:10.3f}{row['ratio']:8.2f}")
    return "\n".join(lines)


def _free_ports(count: int) -> list[int]:
    import socket

    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [item.getsockname()[1] for item in sockets]


def _wait_for(port: int) -> None:
    import socket

    end = time.monotonic() + 15
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=0.6, help="of one measurement")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    match options.role:
        case ["upstream", port]:
            asyncio.run(serve_upstream(int(port)))
        case ["load", port, connections, stream, seconds]:
            print(json.dumps(asyncio.run(load(int(port), int(connections), stream == "1", float(seconds)))))
        case [kind, port, upstream]:
            serve_proxy(kind, int(port), int(upstream))
        case _:
            result = run(options.rounds, options.seconds)
            print(json.dumps(result, indent=1) if options.json else table(result))


if __name__ == "__main__":
    main()
