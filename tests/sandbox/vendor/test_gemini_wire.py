"""Gemini's native surface: whole answers, events, and the JSON array that streams without `alt=sse`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sandbox_kit import post

BODY = {
    "contents": [{"role": "user", "parts": [{"text": "Say hello"}]}],
    "systemInstruction": {"parts": [{"text": "Be brief"}]},
}


def ask(vendor_url: str, call: str, body: Any = BODY, key: str | None = "k") -> Any:
    headers = {} if key is None else {"x_goog_api_key": key}
    return post(f"{vendor_url}/gemini/v1beta/models/{call}", body, **headers)


def texts(parts: list[Any]) -> str:
    return "".join(part["candidates"][0]["content"]["parts"][0]["text"] for part in parts)


def test_three_ways_to_the_same_answer(vendor_url: str) -> None:
    whole = ask(vendor_url, "gemini-2.5-flash:generateContent").json()
    array = ask(vendor_url, "gemini-2.5-flash:streamGenerateContent").json()
    lines = ask(vendor_url, "gemini-2.5-flash:streamGenerateContent?alt=sse").data.decode().strip().split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert texts([whole]) == texts(array) == texts(events)
    assert whole["usageMetadata"] == array[-1]["usageMetadata"] == events[-1]["usageMetadata"]
    assert whole["candidates"][0]["finishReason"] == "STOP"
    assert whole["modelVersion"] == "gemini-2.5-flash"


def test_a_limit_cuts_off(vendor_url: str) -> None:
    limited = {**BODY, "generationConfig": {"maxOutputTokens": 2}}
    answer = ask(vendor_url, "gemini-2.5-flash:generateContent", limited).json()
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answer["usageMetadata"]["candidatesTokenCount"] == 2


@pytest.mark.parametrize(
    ("call", "key", "status"),
    [
        ("m:generateContent", None, 403),
        ("m:generateContent", "bad", 400),
        ("missing:generateContent", "k", 404),
        ("m:unknownVerb", "k", 404),
        ("m:fault-429:generateContent", "k", 429),
        ("m:fault-500:generateContent", "k", 500),
    ],
)
def test_errors_are_googles(vendor_url: str, call: str, key: str | None, status: int) -> None:
    answer = ask(vendor_url, call, key=key)
    assert (answer.status, answer.json()["error"]["code"]) == (status, status)
