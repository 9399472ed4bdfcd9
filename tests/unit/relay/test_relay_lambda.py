"""The doors on Lambda: the plain handler, and the streaming loop against a Runtime API on loopback."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from relay_kit import PROVIDER_KEY, Desk, config, desk, document, parse_events, spoken, wait_for
from relay_runtime_api import RuntimeServer, proxy_event, runtime_server
from relay_vendor import DONE, Vendor, chunk, completion, stream, talk_until_closed, whole

import llmstrat_iac.relay
from llmstrat_iac.relay.exchange import Response
from llmstrat_iac.relay.lambda_handler import read_event, write_response
from llmstrat_iac.relay.runtime_loop import RuntimeApi, serve

ASKED = {"model": "gpt-main", "messages": [{"role": "user", "content": "hi"}]}
SOURCE = Path(llmstrat_iac.relay.__file__).parent


@pytest.fixture
def runtime() -> Iterator[RuntimeServer]:
    with runtime_server() as server:
        yield server


def answer(runtime: RuntimeServer, relay: Any, *events: dict[str, Any]) -> None:
    """Serve some invocations in this thread."""
    for event in events:
        runtime.invoke(event)
    left = list(events)
    serve(RuntimeApi(runtime.address), relay, more=lambda: bool(left) and left.pop() is not None)


def test_the_handler_gives_a_proxy_response(vendor: Vendor) -> None:
    vendor.will(whole(completion("Grüezi")))
    made = desk(config(vendor.url))
    got = write_response(made.relay.handle(read_event(proxy_event(ASKED, "/v1/chat/completions"), 30)))
    assert (got["statusCode"], got["isBase64Encoded"]) == (200, False)
    assert got["headers"]["x-request-id"] == "gw-1"
    assert json.loads(got["body"])["choices"][0]["message"]["content"] == "Grüezi"
    assert made.usage()["request_id"] == "gw-1"


def test_the_handler_gives_a_stream_as_a_whole(vendor: Vendor) -> None:
    vendor.will(stream(chunk("a"), chunk("b"), chunk(None, finish="stop"), DONE))
    got = write_response(desk(config(vendor.url)).relay.handle(read_event(proxy_event(ASKED | {"stream": True}), 30)))
    assert spoken(parse_events(got["body"].encode())) == "ab"


def test_an_event_may_be_base64_or_empty(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    relay = desk(config(vendor.url)).relay
    encoded = base64.b64encode(json.dumps(ASKED).encode()).decode()
    assert relay.handle(read_event(proxy_event({}, body=encoded, isBase64Encoded=True), 30)).status == 200
    assert relay.handle(read_event(proxy_event({}, body=None), 30)).status == 400
    assert relay.handle(read_event(proxy_event({}, body="%", isBase64Encoded=True), 30)).status == 400


@pytest.mark.parametrize("context", [None, {}, {"authorizer": None}, {"authorizer": {"consumer": "stranger"}}])
def test_the_consumer_comes_from_the_authorizer_only(context: Any) -> None:
    event = proxy_event(ASKED, requestContext=context, headers={"x-consumer": "web"})
    assert desk(config()).relay.handle(read_event(event, 30)).status == 403


def test_the_loop_streams_with_a_prelude(vendor: Vendor, runtime: RuntimeServer) -> None:
    vendor.will(stream(chunk("a"), chunk("b"), chunk(None, finish="stop"), DONE))
    answer(runtime, desk(config(vendor.url)).relay, proxy_event(ASKED | {"stream": True}))
    (post,) = runtime.posts
    assert post.path == "/2018-06-01/runtime/invocation/inv-1/response"
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert post.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    prelude, body = post.split()
    assert prelude["statusCode"] == 200
    assert prelude["headers"]["content-type"].startswith("text/event-stream")
    assert spoken(parse_events(body)) == "ab"
    assert (post.ended, post.trailers) == (True, {})
    assert os.environ["_X_AMZN_TRACE_ID"] == "Root=1-1"


def test_the_loop_sends_each_piece_when_it_comes(vendor: Vendor, runtime: RuntimeServer) -> None:
    go_on = threading.Event()
    vendor.will(stream(chunk("late"), chunk(None, finish="stop"), DONE, before=go_on))
    made = desk(config(vendor.url, keepalive_seconds=0.02))
    loop = threading.Thread(target=answer, args=(runtime, made.relay, proxy_event(ASKED | {"stream": True})))
    loop.start()
    wait_for(lambda: runtime.posts and runtime.posts[0].body.count(b": ping\n\n") >= 2)
    prelude, so_far = runtime.posts[0].split()
    assert prelude["statusCode"] == 200, "the client has its status before the model speaks"
    assert b"late" not in so_far
    go_on.set()
    loop.join(5)
    assert spoken(parse_events(runtime.posts[0].split()[1])) == "late"


def test_the_loop_answers_errors_and_whole_bodies_too(vendor: Vendor, runtime: RuntimeServer) -> None:
    vendor.will(whole(completion("Hi")))
    events = [proxy_event(ASKED), proxy_event(ASKED | {"model": "gpt-other"}), proxy_event({}, "/models", "GET")]
    answer(runtime, desk(config(vendor.url)).relay, *events)
    got = [post.split() for post in runtime.posts]
    assert [prelude["statusCode"] for prelude, _ in got] == [200, 400, 200]
    assert json.loads(got[0][1])["model"] == "gpt-main"
    assert json.loads(got[1][1])["error"]["code"] == "model_not_allowed"
    assert json.loads(got[2][1])["object"] == "list"


def test_a_failure_before_the_first_byte_is_an_invocation_error(
    runtime: RuntimeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    event = proxy_event(ASKED)
    del event["path"]
    answer(runtime, desk(config()).relay, event, proxy_event({}, "/models", "GET"))
    failure, success = runtime.posts
    assert failure.path == "/2018-06-01/runtime/invocation/inv-1/error"
    assert failure.headers["lambda-runtime-function-error-type"] == "Relay.KeyError"
    assert json.loads(failure.body)["errorType"] == "Relay.KeyError"
    assert success.split()[0]["statusCode"] == 200, "the loop goes on"
    assert json.loads(capfd.readouterr().err)["error"] == "KeyError"


class BrokenRelay:
    """A relay whose stream has a bug after its first piece."""

    def __init__(self) -> None:
        self.closed = False
        self._pieces = iter([b"data: 1\n\n"])

    def handle(self, request: object) -> Response:
        return Response(200, (("content-type", "text/event-stream"),), self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise ZeroDivisionError("holds SECRET")

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None: ...


def test_a_failure_after_the_first_byte_is_a_trailer(runtime: RuntimeServer, capfd: pytest.CaptureFixture[str]) -> None:
    relay = BrokenRelay()
    answer(runtime, relay, proxy_event(ASKED))
    (post,) = runtime.posts
    assert post.split()[1] == b"data: 1\n\n"
    assert post.headers["trailer"] == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    assert post.trailers["lambda-runtime-function-error-type"] == "Relay.ZeroDivisionError"
    assert post.trailing_error()["errorType"] == "Relay.ZeroDivisionError"
    assert relay.closed
    assert "SECRET" not in f"{post}{capfd.readouterr()}"


def test_a_client_that_leaves_frees_the_loop_and_the_vendor(vendor: Vendor, runtime: RuntimeServer) -> None:
    closed = threading.Event()
    vendor.will(talk_until_closed(closed))
    runtime.hang_up_after = 2
    made: Desk = desk(config(vendor.url))
    answer(runtime, made.relay, proxy_event(ASKED | {"stream": True}))
    assert closed.wait(60)
    wait_for(lambda: made.lines)
    assert made.usage()["error"] == "client_disconnected"


def test_a_request_ends_before_its_lambda_does(vendor: Vendor, runtime: RuntimeServer) -> None:
    never = threading.Event()
    vendor.will(stream(chunk("late"), before=never))
    runtime.deadline_seconds = 4
    answer(runtime, desk(config(vendor.url)).relay, proxy_event(ASKED | {"stream": True}))
    never.set()
    assert parse_events(runtime.posts[0].split()[1])[0]["error"]["code"] == "upstream_timeout"


def package(folder: Path, relay_json: str) -> Path:
    """The zip's content, unpacked as Lambda does it."""
    archive = folder / "function.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for name in llmstrat_iac.relay.PACKAGE_FILES:
            target.write(SOURCE / name, f"relay/{name}")
        target.write(SOURCE / llmstrat_iac.relay.WRAPPER_FILE, llmstrat_iac.relay.WRAPPER_FILE)
        target.writestr("relay.json", relay_json)
    task = folder / "task root"
    with zipfile.ZipFile(archive) as source:
        source.extractall(task)
    (task / llmstrat_iac.relay.WRAPPER_FILE).chmod(0o755)
    return task


def start(task: Path, runtime: RuntimeServer, cwd: Path) -> subprocess.Popen[bytes]:
    """Start as Lambda does: the wrapper with the usual runtime's command as arguments."""
    search = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": search, "AWS_LAMBDA_RUNTIME_API": runtime.address, "VENDOR_KEY": PROVIDER_KEY}
    command = [str(task / "wrapper.sh"), "/var/lang/bin/python3.13", "/var/runtime/bootstrap.py"]
    return subprocess.Popen(command, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_the_wrapper_starts_the_loop_from_any_folder(vendor: Vendor, runtime: RuntimeServer, tmp_path: Path) -> None:
    vendor.will(stream(chunk("a"), chunk(None, finish="stop"), DONE))
    settings = document(vendor.url)
    settings["providers"]["openai"]["secret_arn"] = "env:VENDOR_KEY"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    process = start(package(tmp_path, json.dumps(settings)), runtime, elsewhere)
    try:
        runtime.invoke(proxy_event(ASKED | {"stream": True}))
        wait_for(lambda: runtime.posts and runtime.posts[0].ended)
    finally:
        process.kill()
        out, err = process.communicate()
    assert spoken(parse_events(runtime.posts[0].split()[1])) == "a"
    assert json.loads(out)["event"] == "usage"
    assert err == b""
    assert vendor.received[0].headers["authorization"] == f"Bearer {PROVIDER_KEY}"


def test_a_wrong_configuration_is_an_init_error(runtime: RuntimeServer, tmp_path: Path) -> None:
    process = start(package(tmp_path, '{"version": 1}'), runtime, tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert runtime.posts[0].path == "/2018-06-01/runtime/init/error"
    assert runtime.posts[0].headers["lambda-runtime-function-error-type"] == "Relay.ConfigError"
    assert json.loads(err)["message"] == "relay.json.stack: missing"
