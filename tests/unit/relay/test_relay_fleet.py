"""The stack's own fleet in OpenAI's format: signed requests, errors that say what a fleet does, fallbacks."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from relay_fleet import KEYS, LLAMA, REGION, fleet_desk, signature
from relay_kit import Desk, error_of, events, read, spoken
from relay_vendor import DONE, Answer, Vendor, chunk, completion, refuse, stream, usage_chunk, whole

BALANCER = "<html><head><title>503 Service Temporarily Unavailable</title></head></html>"


def openai_fleet(vendor: Vendor, spare: Vendor | None = None, **options: Any) -> Desk:
    return fleet_desk({"wire": "openai", "base_url": vendor.url}, spare=spare.url if spare else None, **options)


def balancer(status: int) -> Answer:
    return whole(BALANCER.encode(), status)


def test_a_request_is_signed_for_api_gateway(vendor: Vendor) -> None:
    vendor.will(whole(completion("own")))
    response = openai_fleet(vendor).chat()
    assert read(response)["choices"][0]["message"]["content"] == "own"
    (received,) = vendor.received
    assert received.headers["authorization"] == signature(received, f"{vendor.url}/chat/completions", "execute-api")
    assert f"/{REGION}/execute-api/aws4_request" in received.headers["authorization"]
    assert received.headers["x-amz-security-token"] == KEYS.token
    assert received.document["model"] == LLAMA["model"]


def test_a_stream_passes_under_the_alias_and_its_usage_is_noted(vendor: Vendor) -> None:
    name = str(LLAMA["model"])
    vendor.will(stream(chunk("own", name), chunk(None, name, finish="stop"), usage_chunk(5, 2, name), DONE))
    made = openai_fleet(vendor)
    got = events(made.chat(stream=True))
    assert spoken(got) == "own"
    assert {item["model"] for item in got if isinstance(item, dict)} == {"gpt-main"}
    assert (made.usage()["prompt_tokens"], made.usage()["usd"]) == (5, 0.0)


def test_credentials_are_asked_for_at_each_call(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    asked = []

    def credentials() -> Any:
        asked.append(1)
        return KEYS

    made = openai_fleet(vendor, credentials=credentials)
    made.chat()
    made.chat()
    assert len(asked) == 2


def test_without_credentials_nothing_is_sent(vendor: Vendor, spare: Vendor) -> None:
    spare.will(whole(completion("from spare")))
    assert openai_fleet(vendor, spare, credentials=lambda: None).chat().status == 200
    assert vendor.received == []
    response = openai_fleet(vendor, credentials=lambda: None).chat()
    assert (response.status, error_of(response)["code"]) == (502, "upstream_unauthorized")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_fleet_that_does_not_answer_says_so(vendor: Vendor, status: int) -> None:
    vendor.will(balancer(status))
    made = openai_fleet(vendor)
    response = made.chat()
    error = error_of(response)
    assert (response.status, error["code"]) == (503, "model_unavailable")
    assert "starting, paused, scaled to zero" in error["message"]
    assert made.usage()["error"] == "model_unavailable"


@pytest.mark.parametrize("answer", [balancer(502), balancer(503), balancer(504), refuse(404), refuse(403), refuse(429)])
def test_fallbacks_answer_for_a_fleet_that_does_not(vendor: Vendor, spare: Vendor, answer: Answer) -> None:
    vendor.will(answer)
    spare.will(whole(completion("from spare")))
    made = openai_fleet(vendor, spare)
    assert read(made.chat())["choices"][0]["message"]["content"] == "from spare"
    assert (made.usage()["fallbacks"], made.usage()["provider"]) == (1, "spare")
    assert len(vendor.received) == 1


def test_an_instance_that_is_gone_is_asked_for_once_more(vendor: Vendor) -> None:
    vendor.will(balancer(502), whole(completion("another instance")))
    made = openai_fleet(vendor)
    assert made.chat().status == 200
    assert len(made.pauses) == 1


def test_a_model_that_instances_do_not_have_yet_is_no_mistake_of_the_client(vendor: Vendor) -> None:
    vendor.will(whole({"object": "error", "message": "The model `x` does not exist.", "code": 404}, 404))
    response = openai_fleet(vendor).chat()
    assert (response.status, error_of(response)["code"]) == (503, "model_unavailable")


def test_the_engines_verdict_on_the_request_is_final(vendor: Vendor, spare: Vendor) -> None:
    text = "This model's maximum context length is 8192 tokens."
    vendor.will(whole({"object": "error", "message": text, "type": "BadRequestError", "code": 400}, 400))
    response = openai_fleet(vendor, spare).chat()
    assert (response.status, error_of(response)["message"]) == (400, text)
    assert spare.received == []


def test_a_private_path_that_refuses_the_role_is_told_without_its_text(vendor: Vendor) -> None:
    vendor.will(whole({"Message": "User: arn:aws:sts::1:assumed-role/secret is not authorized"}, 403))
    response = openai_fleet(vendor).chat()
    assert (response.status, error_of(response)["code"]) == (502, "upstream_unauthorized")
    assert "assumed-role" not in error_of(response)["message"]


def test_an_instance_that_dies_before_its_first_event_is_replaced_by_a_fallback(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(stream(dies=True))
    spare.will(stream(chunk("from spare"), chunk(None, finish="stop"), DONE))
    assert spoken(events(openai_fleet(vendor, spare).chat(stream=True))) == "from spare"


def test_an_instance_that_dies_within_its_answer_is_not(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(stream(chunk("half"), dies=True))
    got = events(openai_fleet(vendor, spare).chat(stream=True))
    assert got[-1]["error"]["code"] == "upstream_broken"
    assert spare.received == []


def test_the_first_event_does_not_wait_for_the_last(vendor: Vendor) -> None:
    release = threading.Event()
    vendor.will(_held_back(release))
    body = openai_fleet(vendor).chat(stream=True).body
    assert not isinstance(body, bytes)
    assert b"one " in next(body)
    release.set()
    assert b"two" in b"".join(body)


def _held_back(release: threading.Event) -> Answer:
    def answer(handler: Any) -> None:
        handler.start(200, content_type="text/event-stream", transfer_encoding="chunked")
        handler.chunk(chunk("one "))
        release.wait(60)
        handler.chunk(chunk("two", finish="stop") + DONE)
        handler.wfile.write(b"0\r\n\r\n")

    return answer
