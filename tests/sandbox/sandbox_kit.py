"""What the sandbox's tests share: a process alone, boto3 clients of an emulator, waiting for something to be true."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from llmstrat_iac.sandbox.environment import ACCOUNT, NO_WAY_OUT, REGION, process_variables
from llmstrat_iac.sandbox.jobs import CLOCK_VARIABLE, clock

Clients = Callable[[str], Any]


@contextmanager
def process(module: str, *arguments: str, home: Path, endpoint: str = "http://127.0.0.1:9") -> Iterator[str]:
    """Run one of the sandbox's modules alone; yields its URL."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "empty").touch()
    with (home / "log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", module, "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            env=process_variables(os.environ, endpoint, home, NO_WAY_OUT),
        )
    assert running.stdout is not None
    try:
        first = running.stdout.readline()
        assert first, (home / "log").read_text()
        yield f"http://127.0.0.1:{json.loads(first)['port']}"
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(60)
        running.stdout.close()


def clients(url: str) -> Clients:
    """boto3 clients of an emulator, by service name."""
    session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="x", region_name=REGION)
    settings = Config(retries={"total_max_attempts": 1}, proxies={})
    return lambda service: session.client(service, endpoint_url=url, config=settings)


def eventually(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true answer of `look`, asked every 20 ms; the last false one when its time is over."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > end:
            return found
        time.sleep(0.02)


@contextmanager
def standing_time() -> Iterator[Callable[[float], None]]:
    """Let the time of all jobs in the sandbox's processes stand still; yields what lets some seconds of it pass.

    For states that pass by themselves. Afterwards it is real time again, whatever has passed.
    """
    place, moment = Path(os.environ[CLOCK_VARIABLE]), clock()

    def pass_by(seconds: float) -> None:
        nonlocal moment
        moment += seconds
        place.with_suffix(".new").write_text(repr(moment), encoding="utf-8")
        place.with_suffix(".new").replace(place)

    pass_by(0.0)
    try:
        yield pass_by
    finally:
        place.unlink()


def post(url: str, body: Any, **headers: str) -> urllib3.BaseHTTPResponse:
    """POST JSON (or raw bytes), past any proxy; headers are given with underscores."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request("POST", url, body=content, headers={"content-type": "application/json", **named})
