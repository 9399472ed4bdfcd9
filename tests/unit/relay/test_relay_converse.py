"""OpenAI chat requests in Converse's terms: what is translated, and what is refused because it can't be."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from llmstrat_iac.relay.converse_request import converse_request
from llmstrat_iac.relay.errors import RelayError, UnsupportedError

USER = {"role": "user", "content": "hi"}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}


def translate(*messages: Any, **document: Any) -> dict[str, Any]:
    return converse_request({"model": "m", "messages": list(messages or [USER])} | document, "nova")


def test_texts_systems_and_settings() -> None:
    got = translate(
        {"role": "system", "content": "be brief"},
        {"role": "developer", "content": [{"type": "text", "text": "and kind"}]},
        USER,
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": [{"type": "text", "text": "and"}, {"type": "text", "text": ""}]},
        temperature=0,
        top_p=0.5,
        max_tokens=7,
        stop="END",
    )
    assert got == {
        "modelId": "nova",
        "system": [{"text": "be brief"}, {"text": "and kind"}],
        "messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [{"text": "hello"}]},
            {"role": "user", "content": [{"text": "and"}]},
        ],
        "inferenceConfig": {"temperature": 0, "topP": 0.5, "maxTokens": 7, "stopSequences": ["END"]},
    }


def test_turns_alternate() -> None:
    got = translate(USER, {"role": "user", "content": "you there?"})
    assert got["messages"] == [{"role": "user", "content": [{"text": "hi"}, {"text": "you there?"}]}]


def test_tools_their_calls_and_their_results() -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bern"}'}},
        {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": ""}},
    ]
    got = translate(
        USER,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "weather"}},
    )
    assert got["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Bern"}}},
                {"toolUse": {"toolUseId": "c2", "name": "weather", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "c1", "content": [{"text": "sunny"}]}},
                {"toolResult": {"toolUseId": "c2", "content": [{"text": "(empty)"}]}},
            ],
        },
    ]
    spec = {"name": "weather", "description": "d", "inputSchema": {"json": {"type": "object"}}}
    assert got["toolConfig"] == {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "weather"}}}


@pytest.mark.parametrize(
    ("choice", "expected"), [("auto", None), ("required", {"any": {}}), (None, None)], ids=["auto", "required", "unset"]
)
def test_tool_choices(choice: Any, expected: Any) -> None:
    assert translate(tools=[WEATHER], tool_choice=choice)["toolConfig"].get("toolChoice") == expected


def test_no_tools_when_none_may_be_used() -> None:
    assert "toolConfig" not in translate(tools=[WEATHER], tool_choice="none")


def test_images_are_bytes() -> None:
    url = "data:image/png;base64," + base64.b64encode(b"PNG").decode()
    got = translate({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})
    assert got["messages"][0]["content"] == [{"image": {"format": "png", "source": {"bytes": b"PNG"}}}]


@pytest.mark.parametrize(
    "document",
    [
        {"n": 2},
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"presence_penalty": 0.5},
        {"modalities": ["text", "audio"]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}]},
    ],
)
def test_what_converse_cannot_say_is_refused_so_that_another_route_may(document: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        translate(**document)


@pytest.mark.parametrize(
    "document", [{"n": 1}, {"logprobs": False}, {"response_format": {"type": "text"}}, {"seed": 1}, {"user": "u"}]
)
def test_what_changes_nothing_is_taken(document: dict[str, Any]) -> None:
    assert translate(**document)["modelId"] == "nova"


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "wizard"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}, "messages[0].tool_calls[0]"),
        ({"tools": [{"function": {}}]}, "tools"),
        ({"tools": ["x"]}, "tools"),
    ],
)
def test_wrong_requests_name_the_field(document: dict[str, Any], param: str) -> None:
    with pytest.raises(RelayError) as caught:
        translate(**document)
    assert (caught.value.status, caught.value.param) == (400, param)
