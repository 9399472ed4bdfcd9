"""The stand-in answers as vLLM does: while it loads, when it serves, and when it can't."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from sandbox_kit import post, standing_time

from llmstrat_iac.sandbox.environment import NO_WAY_OUT, process_variables

MODULE = "llmstrat_iac.sandbox.fleet"
ARGUMENTS = (
    "org/model", "--served-model-name", "llama", "--enable-lora", "--lora-modules", "tuned=/x",
    "--max-model-len", "200",
)  # fmt: skip
QUESTION = [{"role": "user", "content": "What is a llama?"}]


def start(home: Path, *arguments: str, seconds: str = "0", options: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    home.mkdir(exist_ok=True)
    (home / "empty").touch()
    return subprocess.Popen(
        [sys.executable, "-m", MODULE, "--port", "0", *options, "--", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={
            **process_variables(os.environ, "http://127.0.0.1:9", home, NO_WAY_OUT),
            "LLMSTRAT_SANDBOX_FLEET_SECONDS": seconds,
        },
    )


def url_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process = start(tmp_path_factory.mktemp("engine"), *ARGUMENTS)
    yield url_of(process)
    end(process)


def get(url: str) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request("GET", url)


def test_it_is_unhealthy_until_the_model_is_loaded(tmp_path: Path) -> None:
    with standing_time() as go_on:
        process = start(tmp_path, *ARGUMENTS, seconds="60")
        url = url_of(process)
        assert (get(f"{url}/health").status, get(f"{url}/ping").status) == (503, 503)
        assert post(f"{url}/v1/chat/completions", {"model": "llama", "messages": QUESTION}).status == 503
        go_on(60)
        assert get(f"{url}/health").status == 200
    end(process)


def test_it_ends_when_its_parent_does(tmp_path: Path) -> None:
    process = start(tmp_path, *ARGUMENTS, options=("--with-parent",))
    url_of(process)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) is not None
    assert process.stdout is not None
    process.stdout.close()


def test_it_lists_its_names_and_adapters(engine: str) -> None:
    listed = json.loads(get(f"{engine}/v1/models").data)["data"]
    assert [(each["id"], each["root"], each["parent"]) for each in listed] == [
        ("llama", "org/model", None),
        ("tuned", "/x", "llama"),
    ]
    assert listed[0]["max_model_len"] == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/invocations"])
@pytest.mark.parametrize(("model", "mark"), [("llama", ""), ("tuned", "[tuned tuned] ")])
def test_a_chat(engine: str, path: str, model: str, mark: str) -> None:
    answer = json.loads(post(f"{engine}{path}", {"model": model, "messages": QUESTION}).data)
    choice = answer["choices"][0]
    assert choice["message"]["content"].startswith(f"{mark}Sandbox answer")
    assert (choice["finish_reason"], answer["object"]) == ("stop", "chat.completion")
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


def test_a_text_completion(engine: str) -> None:
    answer = json.loads(post(f"{engine}/v1/completions", {"model": "llama", "prompt": "hi", "max_tokens": 3}).data)
    assert (answer["object"], answer["choices"][0]["finish_reason"]) == ("text_completion", "length")
    assert answer["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize("usage", [True, False])
def test_a_stream(engine: str, path: str, usage: bool) -> None:
    body = {"model": "llama", "stream": True, "stream_options": {"include_usage": usage}}
    body |= {"messages": QUESTION} if "chat" in path else {"prompt": "hi"}
    events = post(f"{engine}{path}", body).data.decode().strip().split("\n\n")
    assert events.pop() == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert ("usage" in chunks[-1] and chunks[-1]["choices"] == []) is usage
    ended = chunks[-2] if usage else chunks[-1]
    assert ended["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"model": "gpt-5", "messages": QUESTION}, 404, "NotFoundError"),
        ({"model": "llama", "messages": []}, 400, "BadRequestError"),
        ({"model": "llama", "messages": QUESTION, "max_tokens": 500}, 400, "BadRequestError"),
        ({"model": "llama", "messages": [{"role": "user", "content": "word " * 300}]}, 400, "BadRequestError"),
    ],
)
def test_what_vllm_refuses(engine: str, body: object, status: int, kind: str) -> None:
    answer = post(f"{engine}/v1/chat/completions", body)
    assert answer.status == status
    error = json.loads(answer.data)["error"]
    assert (error["type"], error["code"]) == (kind, status)


def test_what_it_measures(engine: str) -> None:
    before = get(f"{engine}/metrics").data.decode()
    post(f"{engine}/v1/chat/completions", {"model": "llama", "messages": QUESTION})
    after = get(f"{engine}/metrics").data.decode()

    def value(text: str, name: str) -> float:
        return float(next(line for line in text.splitlines() if line.startswith(f"{name}{{")).rpartition(" ")[2])

    assert value(after, "vllm:request_success_total") == value(before, "vllm:request_success_total") + 1
    assert value(after, "vllm:generation_tokens_total") > value(before, "vllm:generation_tokens_total")
    assert value(after, "vllm:num_requests_running") == value(after, "vllm:num_requests_waiting") == 0
    assert "vllm:kv_cache_usage_perc" in after


def test_keys_guard_what_vllm_guards(tmp_path: Path) -> None:
    process = start(tmp_path, *ARGUMENTS, "--api-key", "secret")
    url, body = url_of(process), {"model": "llama", "messages": QUESTION}
    assert post(f"{url}/v1/chat/completions", body).status == 401
    assert post(f"{url}/v1/chat/completions", body, authorization="Bearer secret").status == 200
    assert (post(f"{url}/invocations", body).status, get(f"{url}/metrics").status) == (200, 200)
    end(process)


def test_arguments_that_wont_do_are_told(tmp_path: Path) -> None:
    process = start(tmp_path, "--served-model-name", "a")
    process.communicate(timeout=60)
    assert process.returncode == 1
