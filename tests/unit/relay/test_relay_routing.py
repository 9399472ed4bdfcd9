"""What is refused before a vendor is asked, always in OpenAI's error shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from relay_kit import config, desk, error_of, read
from relay_vendor import Vendor, completion, whole

from llmstrat_iac.relay.routing import MAX_BODY

CHAT = {"model": "gpt-main", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("path", ["/models", "/v1/models", "/v1/models/"])
def test_models_are_the_consumers_own(path: str) -> None:
    made = desk(config())
    response = made.post(b"", path, method="GET")
    assert response.status == 200
    assert read(response) == {
        "object": "list",
        "data": [{"id": "gpt-main", "object": "model", "created": 0, "owned_by": "support-dev"}],
    }


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b"[" * 100_000, "invalid_json", None),
        (b"9" * 10_000, "invalid_json", None),
        (b"{}", "missing_model", "model"),
        (b'{"model": 5}', "missing_model", "model"),
        (b" " * (MAX_BODY + 1), "request_too_large", None),
        (json.dumps(CHAT | {"stream": "yes"}).encode(), "invalid_type", "stream"),
        (json.dumps(CHAT | {"stream_options": 1}).encode(), "invalid_type", "stream_options"),
        (json.dumps(CHAT | {"temperature": float("inf")}).encode(), "invalid_json", None),
        (json.dumps(CHAT | {"model": "gpt-other"}).encode(), "model_not_allowed", "model"),
    ],
)
def test_bad_requests_are_400(body: bytes, code: str, param: str | None) -> None:
    made = desk(config())
    response = made.post(body)
    assert response.status == 400
    error = error_of(response)
    assert (error["code"], error["param"], error["type"]) == (code, param, "invalid_request_error")
    assert made.usage()["status"] == 400
    assert made.usage()["error"] == code


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/chat/completions", 405, "method_not_allowed"),
        ("POST", "/models", 405, "method_not_allowed"),
        ("POST", "/v1/files", 404, "unknown_url"),
        ("POST", "/v1/v1/chat/completions", 404, "unknown_url"),
        ("GET", "/", 404, "unknown_url"),
    ],
)
def test_only_five_endpoints_exist(method: str, path: str, status: int, code: str) -> None:
    response = desk(config()).post(CHAT, path, method=method)
    assert (response.status, error_of(response)["code"]) == (status, code)


def test_an_unknown_model_is_404_and_no_metric(vendor: Vendor) -> None:
    made = desk(config(vendor.url))
    response = made.chat(model="gpt-imaginary")
    assert (response.status, error_of(response)["code"]) == (404, "model_not_found")
    assert made.usage()["model"] is None
    assert "_aws" not in made.usage(), "a client's invention must not become a CloudWatch dimension"
    assert vendor.received == []


def test_an_unknown_consumer_is_refused() -> None:
    response = desk(config()).post(CHAT, consumer="stranger")
    assert (response.status, error_of(response)["code"]) == (403, "unknown_consumer")


def test_a_repeated_model_key_cannot_smuggle_another_model(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    made = desk(config(vendor.url))
    assert made.post(b'{"model":"gpt-5.2-pro","messages":[],"model":"gpt-main"}').status == 200
    assert vendor.received[0].document == {"model": "gpt-5.2", "messages": []}


@pytest.mark.parametrize("odd", ["\ud800", "\u2028", "😀", 'quote"s', "\x00"])
def test_odd_characters_pass(vendor: Vendor, odd: str) -> None:
    vendor.will(whole(completion()))
    messages: list[Any] = [{"role": "user", "content": odd}]
    assert desk(config(vendor.url)).chat(messages=messages).status == 200
    assert vendor.received[0].document["messages"] == messages
