"""A spot instance asks its own metadata whether it is about to go."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from launcher_kit import job_files, start_launcher, wait_until, write_files

from llmstrat_iac.trainer import EXIT_INTERRUPTED


class Metadata(HTTPServer):
    """IMDSv2, as far as the launcher asks it."""

    announced = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        self._say(200 if self.path == "/latest/api/token" else 404, b"a-session")

    def do_GET(self) -> None:
        if self.headers["X-aws-ec2-metadata-token"] != "a-session":
            self._say(401, b"")
        elif self.server.announced and self.path == "/latest/meta-data/spot/instance-action":
            self._say(200, json.dumps({"action": "terminate"}).encode())
        else:
            self._say(404, b"")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    server = Metadata()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_saves_and_ends_when_the_reclaim_is_announced(metadata: Metadata, python: Path, tmp_path: Path) -> None:
    bucket, root = tmp_path / "bucket", tmp_path / "job"
    write_files(root / "code", job_files(tmp_path / "source"))
    write_files(root / "data", {"train.jsonl": "{}\n"})
    process = start_launcher(
        root / "code",
        python,
        LLMSTRAT_JOB_URI=bucket.as_uri(),
        LLMSTRAT_WORK=str(root),
        LLMSTRAT_SPOT="1",
        AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.url,
        FAKE_END="wait",
    )
    wait_until((bucket / "checkpoints/checkpoint-2/complete.json").exists, process)

    metadata.announced = True

    output = process.communicate(timeout=300)[0]
    assert process.returncode == EXIT_INTERRUPTED, output
    assert process.returncode != -signal.SIGTERM
    assert "about to be reclaimed" in output
    assert (bucket / "checkpoints/checkpoint-3/complete.json").exists()
