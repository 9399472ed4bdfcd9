"""The relay against a bare pass-through proxy: same ASGI server, same HTTP client class, same local upstream.

Prints added median latency, requests per second at 1, 16 and 64 connections, and the first byte's delay of a stream.
Both take turns in one run and a ratio is the median of the rounds' ratios, so that the machine's own speed cancels out.
The processor time per request (Linux only) is the steadiest figure on a machine that does other things, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from relay_servers import KEY, serve_proxy, serve_upstream

CONNECTIONS = (1, 16, 64)
TARGETS = ("bare", "relay")
CASES = [*((connections, False) for connections in CONNECTIONS), (1, True)]  # connections, streamed or not
LONGEST = 45.0  # seconds after which no further round begins
Results = dict[tuple[str, int, bool], list[dict[str, float]]]


def question(stream: bool) -> bytes:
    messages = [{"role": "system", "content": "be brief " * 20}, {"role": "user", "content": "a question " * 60}]
    return json.dumps({"model": "up", "messages": messages, "stream": stream}).encode()


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
