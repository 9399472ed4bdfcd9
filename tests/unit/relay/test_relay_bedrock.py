"""The Bedrock wire with a real botocore client against Converse on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from relay_bedrock import Bedrock, bedrock_server
from relay_kit import Desk, config, desk, error_of, events, read, spoken
from relay_vendor import Vendor, completion, refuse, whole

from llmstrat_iac.relay.bedrock_wire import BedrockWire

NOVA = {"provider": "bedrock", "model": "amazon.nova-lite-v1:0"}
PROVIDER = {"wire": "bedrock-converse", "auth": "sigv4", "region": "us-east-1", "base_url": None, "secret_arn": None}
CONFIG = {"models": {"gpt-main": [NOVA]}, "providers": {"bedrock": PROVIDER}}
REPLY = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hel"}, {"text": "lo"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8, "cacheReadInputTokens": 2},
}


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    with bedrock_server() as server:
        yield server


def with_bedrock(bedrock: Bedrock, **changes: Any) -> Desk:
    made = desk(config(**(CONFIG | changes)))
    client = bedrock.client()
    wire = BedrockWire(made.relay.config.providers["bedrock"], lambda: client)
    made.relay.upstreams = {**made.relay.upstreams, "bedrock": wire}
    return made


def test_a_whole_answer(bedrock: Bedrock) -> None:
    bedrock.reply = REPLY
    made = with_bedrock(bedrock)
    answer = read(made.chat(max_tokens=9))
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "gpt-main"
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    path, body, authorization = bedrock.received[0]
    assert path == "/model/amazon.nova-lite-v1:0/converse"
    assert body["inferenceConfig"] == {"maxTokens": 9}
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDTEST/")
    assert made.usage()["prompt_tokens"] == 7


def test_tool_calls(bedrock: Bedrock) -> None:
    use = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Bern"}}}
    bedrock.reply = REPLY | {
        "output": {"message": {"role": "assistant", "content": [use]}},
        "stopReason": "tool_use",
    }
    (choice,) = read(with_bedrock(bedrock).chat())["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    function = {"name": "weather", "arguments": '{"city": "Bern"}'}
    assert choice["message"]["tool_calls"] == [{"id": "t1", "type": "function", "function": function}]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_tokens", "length"), ("guardrail_intervened", "content_filter"), ("stop_sequence", "stop")],
)
def test_finish_reasons(bedrock: Bedrock, reason: str, finish: str) -> None:
    bedrock.reply = REPLY | {"stopReason": reason}
    assert read(with_bedrock(bedrock).chat())["choices"][0]["finish_reason"] == finish


def delta(index: int, **content: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": content}


def tool_start(index: int, identity: str) -> tuple[str, dict[str, Any]]:
    use = {"toolUseId": identity, "name": "weather"}
    return "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": use}}


USAGE = ("metadata", {"usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8}, "metrics": {"latencyMs": 1}})


def test_a_stream(bedrock: Bedrock) -> None:
    bedrock.events = [
        ("messageStart", {"role": "assistant"}),
        delta(0, text="Hel"),
        delta(0, text="lo"),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        USAGE,
    ]
    made = with_bedrock(bedrock)
    got = events(made.chat(stream=True, stream_options={"include_usage": True}))
    assert spoken(got) == "Hello"
    assert got[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert got[-3]["choices"][0]["finish_reason"] == "stop"
    assert got[-2]["usage"]["total_tokens"] == 8
    assert got[-1] == "[DONE]"
    assert {item["model"] for item in got[:-1]} == {"gpt-main"}
    assert made.usage()["completion_tokens"] == 3


def test_the_usage_chunk_is_for_those_who_ask(bedrock: Bedrock) -> None:
    bedrock.events = [delta(0, text="a"), ("messageStop", {"stopReason": "end_turn"}), USAGE]
    made = with_bedrock(bedrock)
    assert all(item["choices"] for item in events(made.chat(stream=True))[:-1])
    assert made.usage()["prompt_tokens"] == 5


def test_streamed_tool_calls(bedrock: Bedrock) -> None:
    bedrock.events = [
        ("messageStart", {"role": "assistant"}),
        tool_start(1, "t1"),
        delta(1, toolUse={"input": '{"city":'}),
        delta(1, toolUse={"input": '"Bern"}'}),
        tool_start(2, "t2"),
        delta(2, toolUse={"input": "{}"}),
        ("messageStop", {"stopReason": "tool_use"}),
    ]
    calls: dict[int, list[str]] = {}
    for item in events(with_bedrock(bedrock).chat(stream=True))[:-1]:
        for call in item["choices"][0]["delta"].get("tool_calls", []):
            known = calls.setdefault(call["index"], [call.get("id", ""), ""])
            known[1] += call["function"]["arguments"]
    assert calls == {0: ["t1", '{"city":"Bern"}'], 1: ["t2", "{}"]}


def test_a_stream_that_fails_ends_with_an_error(bedrock: Bedrock) -> None:
    bedrock.events = [delta(0, text="half"), ("throttlingException", {"message": "slow"})]
    got = events(with_bedrock(bedrock).chat(stream=True))
    assert spoken(got[:-1]) == "half"
    assert got[-1]["error"]["code"] == "rate_limit_exceeded"


def test_a_client_that_leaves_closes_the_stream(bedrock: Bedrock) -> None:
    bedrock.endless = True
    body = with_bedrock(bedrock).chat(stream=True).body
    assert not isinstance(body, bytes)
    next(body)
    body.close()
    assert bedrock.closed.wait(60)


@pytest.mark.parametrize(
    ("status", "error", "expected", "code"),
    [
        (400, "ValidationException", 400, "ValidationException"),
        (404, "ResourceNotFoundException", 404, "ResourceNotFoundException"),
        (403, "AccessDeniedException", 502, "upstream_unauthorized"),
        (429, "ThrottlingException", 429, "rate_limit_exceeded"),
        (429, "ModelNotReadyException", 429, "rate_limit_exceeded"),
        (424, "ModelErrorException", 502, "upstream_error"),
        (408, "ModelTimeoutException", 502, "upstream_error"),
        (500, "InternalServerException", 502, "upstream_error"),
        (503, "ServiceUnavailableException", 503, "upstream_overloaded"),
    ],
)
def test_errors(bedrock: Bedrock, status: int, error: str, expected: int, code: str) -> None:
    bedrock.status, bedrock.error = status, error
    response = with_bedrock(bedrock).chat()
    assert (response.status, error_of(response)["code"]) == (expected, code)


def test_bedrock_out_of_reach() -> None:
    made = with_bedrock(Bedrock(url="http://127.0.0.1:9"))
    response = made.chat()
    assert (response.status, error_of(response)["code"]) == (502, "upstream_unreachable")
    assert len(made.pauses) == 1


@pytest.mark.parametrize("document", [{"temperature": "hot"}, {"stop": 5}])
def test_a_field_of_the_wrong_type_is_the_clients(bedrock: Bedrock, document: dict[str, Any]) -> None:
    response = with_bedrock(bedrock).chat(**document)
    assert response.status == 400
    assert bedrock.received == []


@pytest.mark.parametrize("path", ["/completions", "/responses", "/embeddings"])
def test_only_chat_is_served(bedrock: Bedrock, path: str) -> None:
    response = with_bedrock(bedrock).post({"model": "gpt-main", "input": "x"}, path)
    assert (response.status, error_of(response)["code"]) == (400, "unsupported_endpoint")


def test_a_route_that_cannot_express_a_request_is_passed_over(bedrock: Bedrock, vendor: Vendor) -> None:
    providers = {"bedrock": PROVIDER, "openai": {"wire": "openai", "auth": "none", "base_url": vendor.url}}
    gpt = {"provider": "openai", "model": "gpt-5.2"}
    vendor.will(whole(completion()))
    first = with_bedrock(bedrock, models={"gpt-main": [NOVA, gpt]}, providers=providers)
    assert first.chat(n=2).status == 200
    vendor.will(refuse(429, "full"))
    last = with_bedrock(bedrock, models={"gpt-main": [gpt, NOVA]}, providers=providers)
    assert last.chat(n=2).status == 429, "the vendor's own failure says more than `unsupported`"
    assert bedrock.received == []
