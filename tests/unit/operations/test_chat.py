"""The built-in client: whole and streamed answers, errors as one line, and a key that is never shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.operations.chat import Endpoint, EndpointError, complete, first_model, models, stream
from llmstrat_iac.planner.load import load_spec

ANSWERS: dict[str, tuple[int, bytes]] = {
    "whole": (
        200,
        json.dumps(
            {"model": "gpt-main", "choices": [{"message": {"content": "Hi"}}], "usage": {"prompt_tokens": 3}}
        ).encode(),
    ),
    "streamed": (
        200,
        b': ping\n\ndata: {"choices":[{"delta":{"content":"a"}}]}\n\n'
        b'data: {"choices":[{"delta":{"content":"b"}}]}\n\ndata: {"choices":[]}\n\ndata: [DONE]\n\n',
    ),
    "broken": (200, b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"error":{"message":"vendor died"}}\n\n'),
    "refused": (400, b'{"error":{"message":"the model is not allowed"}}'),
    "proxy": (502, b"<html>bad gateway</html>"),
    "text": (200, b"hello"),
}


class Gateway(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(*ANSWERS[question["model"]])

    def do_GET(self) -> None:
        self.answer(200, b'{"data": [{"id": "gpt-main"}, {"id": "nova"}]}')

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield Endpoint(f"http://127.0.0.1:{server.server_address[1]}/v1", "topsecret")
    server.shutdown()
    server.server_close()
    thread.join()


def test_whole_answer(endpoint: Endpoint) -> None:
    completion = complete(endpoint, "whole", "hello")
    assert (completion.text, completion.prompt_tokens, completion.completion_tokens) == ("Hi", 3, None)


def test_streamed_answer_skips_keep_alives(endpoint: Endpoint) -> None:
    assert "".join(stream(endpoint, "streamed", "hello")) == "ab"


def test_stream_that_breaks_off_is_an_error_after_what_came(endpoint: Endpoint) -> None:
    pieces = stream(endpoint, "broken", "hello")
    assert next(pieces) == "a"
    with pytest.raises(EndpointError, match="vendor died"):
        next(pieces)


def test_models(endpoint: Endpoint) -> None:
    assert models(endpoint) == ("gpt-main", "nova")


@pytest.mark.parametrize(
    ("model", "message"),
    [("refused", "HTTP 400: the model is not allowed"), ("proxy", "HTTP 502: <html>bad"), ("text", "is no JSON")],
)
def test_errors_are_one_line(endpoint: Endpoint, model: str, message: str) -> None:
    with pytest.raises(EndpointError, match=message):
        complete(endpoint, model, "hello")


def test_nobody_there() -> None:
    with pytest.raises(EndpointError, match="no answer") as caught:
        models(Endpoint("http://127.0.0.1:9/v1", "topsecret"))
    assert "topsecret" not in str(caught.value)


def test_key_is_not_in_the_repr(endpoint: Endpoint) -> None:
    assert "topsecret" not in repr(endpoint)


def test_the_first_model_is_the_first_that_the_spec_lists_and_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "{apiVersion: llmstrat/v1, name: desk, strategy: A, owner: a@example.com, region: us-east-1, "
        "data: {classification: public}, limits: {ttl: 1h}, "
        "endpoint: {consumers: [{name: web, models: [zulu, alpha]}]}, providers: [{name: bedrock, models: "
        "[{alias: alpha, id: 'amazon.nova-lite-v1:0'}, {alias: zulu, id: 'amazon.nova-pro-v1:0'}]}]}"
    )
    spec = load_spec(path).spec
    assert first_model(spec, "web", ["alpha", "zulu"]) == "zulu"
    assert first_model(spec, "web", ["alpha"]) == "alpha"
    assert first_model(spec, "gone-from-the-file", ["alpha"]) == "alpha"
    with pytest.raises(LlmstratError, match="`web` has no model yet"):
        first_model(spec, "web", [])
