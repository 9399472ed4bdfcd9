"""The REST client: patient with what passes, careful with what must not be done twice, silent about keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from llmstrat_iac.components.tuning.vendor_api import VendorApi, VendorError, multipart, read_key
from llmstrat_iac.errors import LlmstratError

KEY = "sk-very-secret-key"


class Handler(BaseHTTPRequestHandler):
    statuses: list[int]
    bodies: list[bytes]

    def answer(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers.get("content-length") or 0)))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        echo = self.headers.get("authorization")
        body = json.dumps({"ok": echo} if status < 300 else {"error": {"message": f"no {status}"}}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Handler.statuses, Handler.bodies = [200], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def api(url: str, slept: list[float] | None = None) -> VendorApi:
    pauses: list[float] = [] if slept is None else slept
    return VendorApi("Vendor", url, lambda: {"authorization": f"Bearer {KEY}"}, sleep=pauses.append)


def test_what_passes_is_tried_again(url: str) -> None:
    slept: list[float] = []
    Handler.statuses = [503, 429, 200]
    assert api(url, slept).get("/x") == {"ok": f"Bearer {KEY}"}
    assert slept == [0.5, 1.0]


def test_a_body_is_sent_whole_each_time(url: str, tmp_path: Path) -> None:
    Handler.statuses = [503, 200]
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100_000)
    with multipart({"purpose": "fine-tune"}, path, "f.jsonl") as (body, headers):
        api(url).upload("/files", body, headers)
    assert Handler.bodies[0] == Handler.bodies[1]
    assert len(Handler.bodies[0]) > 100_000


def test_what_must_not_be_done_twice_is_not(url: str) -> None:
    Handler.statuses = [500, 200]
    with pytest.raises(VendorError, match="HTTP 500: no 500"):
        api(url).post("/jobs", {}, repeats=False)
    assert len(Handler.bodies) == 1
    Handler.statuses = [429, 200]
    assert api(url).post("/jobs", {}, repeats=False)


def test_refusals_say_what_to_do_and_not_the_key(url: str) -> None:
    Handler.statuses = [401]
    with pytest.raises(VendorError) as caught:
        api(url).get("/jobs?secret=1")
    assert "tuning.credentials" in str(caught.value)
    assert KEY not in str(caught.value)
    assert "secret=1" not in str(caught.value)


def test_absence_is_an_answer(url: str) -> None:
    Handler.statuses = [404]
    assert api(url).find("/x") is None
    assert api(url).delete("/x") is False


def test_a_vendor_that_is_away_is_named() -> None:
    with pytest.raises(VendorError, match="Vendor can't be reached"):
        api("http://127.0.0.1:9").get("/x")


def test_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", f" {KEY}\n")
    assert read_key("env:A_KEY", "us-east-1") == KEY
    monkeypatch.delenv("A_KEY")
    with pytest.raises(LlmstratError, match="`A_KEY` is not set"):
        read_key("env:A_KEY", "us-east-1")
