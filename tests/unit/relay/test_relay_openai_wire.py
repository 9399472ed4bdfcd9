"""Vendors in OpenAI's format: what is passed on, what is changed, and that the gateway's key stays inside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from relay_kit import PROVIDER_KEY, config, desk, document, error_of, events, openai_provider, read, spoken
from relay_vendor import DONE, Vendor, chunk, completion, event, refuse, stream, usage_chunk, whole


def test_a_chat_passes_with_the_alias_in_both_directions(vendor: Vendor) -> None:
    vendor.will(whole(completion("Hi")))
    response = desk(config(vendor.url)).chat(temperature=0.5, user="u1")
    assert read(response) == completion("Hi") | {"model": "gpt-main"}
    assert dict(response.headers)["x-request-id"] == "req-1"
    (received,) = vendor.received
    assert received.path == "/v1/chat/completions"
    assert received.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert received.document == {
        "model": "gpt-5.2",
        "messages": [{"role": "user", "content": "SECRET-PROMPT"}],
        "temperature": 0.5,
        "user": "u1",
    }


def test_a_model_named_inside_a_text_is_not_renamed(vendor: Vendor) -> None:
    text = 'I am "model":"gpt-5.2-2026-01-01" and {"model": "gpt-5.2-2026-01-01"}'
    vendor.will(whole(completion(text) | {"also": {"model": "gpt-5.2-2026-01-01"}}))
    answer = read(desk(config(vendor.url)).chat())
    assert answer["model"] == "gpt-main"
    assert answer["choices"][0]["message"]["content"] == text
    assert answer["also"] == {"model": "gpt-5.2-2026-01-01"}


@pytest.mark.parametrize("path", ["/completions", "/embeddings", "/responses"])
def test_the_other_endpoints_pass(vendor: Vendor, path: str) -> None:
    answer = {"model": "gpt-5.2", "data": [1], "usage": {"input_tokens": 4, "output_tokens": 2}}
    vendor.will(whole(answer))
    made = desk(config(vendor.url))
    response = made.post({"model": "gpt-main", "input": "x"}, path)
    assert read(response) == answer | {"model": "gpt-main"}
    assert vendor.received[0].path == f"/v1{path}"
    assert (made.usage()["prompt_tokens"], made.usage()["completion_tokens"]) == (4, 2)


def test_without_auth_no_key_is_sent(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    open_vendor = {"wire": "openai", "base_url": vendor.url, "auth": "none"}
    assert desk(config(providers={"openai": open_vendor})).chat().status == 200
    assert "authorization" not in vendor.received[0].headers


def test_a_stream_is_renamed_and_its_usage_counted_but_not_shown(vendor: Vendor) -> None:
    vendor.will(stream(chunk("Hel"), chunk("lo"), chunk(None, finish="stop"), usage_chunk(9, 2), DONE))
    made = desk(config(vendor.url))
    response = made.chat(stream=True)
    assert dict(response.headers)["content-type"].startswith("text/event-stream")
    got = events(response)
    assert spoken(got) == "Hello"
    assert got[-1] == "[DONE]"
    assert [item["model"] for item in got[:-1]] == ["gpt-main"] * 3
    assert all(item["choices"] for item in got[:-1]), "the usage chunk was not asked for"
    assert vendor.received[0].document["stream_options"] == {"include_usage": True}
    usage = made.usage()
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["streamed"]) == (9, 2, True)


def test_a_client_that_asks_for_usage_gets_it(vendor: Vendor) -> None:
    vendor.will(stream(chunk("a"), chunk(None, finish="stop"), usage_chunk(9, 2), DONE))
    options = {"include_usage": True, "include_obfuscation": False}
    got = events(desk(config(vendor.url)).chat(stream=True, stream_options=options))
    assert got[-2]["usage"] == {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    assert got[-2]["model"] == "gpt-main"
    assert vendor.received[0].document["stream_options"] == options


def test_events_are_cut_anywhere_and_with_any_line_ends(vendor: Vendor) -> None:
    whole_stream = b"".join([chunk("å"), chunk("ß"), chunk(None, finish="stop"), DONE]).replace(b"\n", b"\r\n")
    vendor.will(stream(*[whole_stream[i : i + 7] for i in range(0, len(whole_stream), 7)]))
    got = events(desk(config(vendor.url)).chat(stream=True))
    assert spoken(got) == "åß"
    assert {item["model"] for item in got[:-1]} == {"gpt-main"}


def test_spaced_json_is_renamed_too(vendor: Vendor) -> None:
    pieces = [piece.replace(b'"model":', b'"model": ') for piece in (chunk("a"), chunk(None, finish="stop"))]
    vendor.will(stream(*pieces, DONE))
    got = events(desk(config(vendor.url)).chat(stream=True))
    assert [item["model"] for item in got[:-1]] == ["gpt-main", "gpt-main"]


def test_a_responses_stream_keeps_its_event_names_and_has_its_usage_counted(vendor: Vendor) -> None:
    created: dict[str, Any] = {"type": "response.created", "response": {"model": "gpt-5.2-2026-01-01", "usage": None}}
    usage = {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}
    done: dict[str, Any] = {"type": "response.completed", "response": {"model": "gpt-5.2-2026-01-01", "usage": usage}}
    vendor.will(stream(*[b"event: %b\n" % item["type"].encode() + event(item) for item in (created, done)]))
    made = desk(config(vendor.url))
    response = made.post({"model": "gpt-main", "input": "x", "stream": True}, "/responses")
    assert not isinstance(response.body, bytes)
    body = b"".join(response.body)
    assert body.startswith(b"event: response.created\ndata: {")
    assert body.count(b'"model":"gpt-main"') == 2
    assert b"[DONE]" not in body
    assert "stream_options" not in vendor.received[0].document
    assert made.usage()["completion_tokens"] == 6


def test_a_vendor_that_does_not_stream_is_passed_whole(vendor: Vendor) -> None:
    vendor.will(whole(completion("Hi")))
    response = desk(config(vendor.url)).chat(stream=True)
    assert read(response)["choices"][0]["message"]["content"] == "Hi"


def test_done_is_added_when_a_finished_stream_lacks_it(vendor: Vendor) -> None:
    vendor.will(stream(chunk("a"), chunk(None, finish="stop")))
    assert events(desk(config(vendor.url)).chat(stream=True))[-1] == "[DONE]"


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_the_clients_own_errors_pass_with_their_status(vendor: Vendor, status: int) -> None:
    vendor.will(refuse(status, "your fault"))
    response = desk(config(vendor.url)).chat()
    assert response.status == status
    assert error_of(response) == {"message": "your fault", "type": "vendor_type", "param": "p", "code": "vendor_code"}
    assert len(vendor.received) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"error":{"code":400,"message":"gemini says","status":"INVALID_ARGUMENT"}}]', "gemini says"),
        (b'{"type":"error","error":{"type":"invalid_request_error","message":"claude says"}}', "claude says"),
        (b'{"error":"plain"}', "plain"),
        (b"<html>", "the model's vendor answered 400"),
    ],
)
def test_every_vendors_errors_take_openais_shape(vendor: Vendor, body: bytes, message: str) -> None:
    vendor.will(whole(body, 400))
    assert error_of(desk(config(vendor.url)).chat())["message"] == message


def test_a_limit_passes_with_its_retry_after(vendor: Vendor) -> None:
    vendor.will(refuse(429, "slow down", retry_after="7"))
    response = desk(config(vendor.url)).chat()
    assert (response.status, dict(response.headers)["retry-after"]) == (429, "7")


def test_a_refused_key_is_read_again_once(vendor: Vendor) -> None:
    vendor.will(refuse(401), whole(completion()))
    assert desk(config(vendor.url), keys=["old-key", "new-key"]).chat().status == 200
    assert [item.headers["authorization"] for item in vendor.received] == ["Bearer old-key", "Bearer new-key"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_not_the_clients_fault(vendor: Vendor, status: int) -> None:
    vendor.will(refuse(status, f"Incorrect API key provided: {PROVIDER_KEY}"))
    made = desk(config(vendor.url))
    response = made.chat()
    assert (response.status, error_of(response)["code"]) == (502, "upstream_unauthorized")
    assert len(vendor.received) == 1, "the same key is not tried twice"


@pytest.mark.parametrize("status", [400, 401, 422, 429, 500])
def test_a_key_that_a_vendor_echoes_stays_inside(
    vendor: Vendor, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor.will(refuse(status, f"bad key {PROVIDER_KEY} in {PROVIDER_KEY}"))
    made = desk(config(vendor.url, log_prompts=True))
    response = made.chat()
    written = f"{response}{made.lines}{capfd.readouterr()}"
    assert response.status >= 400
    assert PROVIDER_KEY not in written


def test_a_key_echoed_in_an_answer_stays_inside(vendor: Vendor) -> None:
    vendor.will(whole(completion(PROVIDER_KEY)), stream(chunk(PROVIDER_KEY), chunk(None, finish="stop"), DONE))
    made = desk(config(vendor.url))
    assert read(made.chat())["choices"][0]["message"]["content"] == "[redacted]"
    assert spoken(events(made.chat(stream=True))) == "[redacted]"


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>hello</html>", b'{"id": '])
def test_a_success_that_is_no_json_is_the_vendors_fault(vendor: Vendor, body: bytes) -> None:
    vendor.will(whole(body))
    response = desk(config(vendor.url)).chat()
    assert (response.status, error_of(response)["code"]) == (502, "upstream_broken")


def test_a_redirect_is_not_followed(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(whole({}, 302, location=spare.url))
    assert desk(config(vendor.url)).chat().status == 502
    assert spare.received == []


def test_connections_are_kept(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    made = desk(config(vendor.url))
    for _ in range(3):
        made.chat()
    assert len(vendor.received) == 3
    assert len({each.client for each in vendor.received}) == 1


def test_a_base_url_may_end_with_a_slash(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    raw = document(vendor.url)["providers"]["openai"]
    assert raw == openai_provider(vendor.url)
    assert desk(config(providers={"openai": raw | {"base_url": f"{vendor.url}/"}})).chat().status == 200
    assert vendor.received[0].path == "/v1/chat/completions"
    assert json.dumps(vendor.received[0].document)
