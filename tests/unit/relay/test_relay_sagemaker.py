"""SageMaker endpoints: where requests go, how event streams are read, which refusal means what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from relay_fleet import LLAMA, event_stream, failure, fleet_desk, frame, invocation_refused, part, signature
from relay_kit import Desk, error_of, events, read, spoken
from relay_vendor import DONE, Answer, Vendor, chunk, completion, stream, usage_chunk, whole

NAME = str(LLAMA["model"])
TEXT = chunk("Hello ", NAME) + chunk("there", NAME)
END = chunk(None, NAME, finish="stop") + usage_chunk(9, 3, NAME) + DONE


def endpoint(vendor: Vendor, spare: Vendor | None = None, suffix: str = "") -> Desk:
    url = vendor.url.removesuffix("/v1") + f"/endpoints/demo-dev{suffix}"
    return fleet_desk({"wire": "sagemaker", "base_url": url}, spare=spare.url if spare else None)


def test_a_request_is_an_invocation_signed_for_sagemaker(vendor: Vendor) -> None:
    vendor.will(whole(completion("own")))
    made = endpoint(vendor)
    response = made.chat(max_tokens=5)
    assert read(response)["model"] == "gpt-main"
    (received,) = vendor.received
    url = vendor.url.removesuffix("/v1") + received.path
    assert received.path == "/endpoints/demo-dev/invocations"
    assert received.headers["authorization"] == signature(received, url, "sagemaker")
    assert "x-amzn-sagemaker-inference-component" not in received.headers
    assert (received.document["model"], received.document["max_tokens"]) == (NAME, 5)
    assert (made.usage()["prompt_tokens"], made.usage()["completion_tokens"]) == (11, 7)


def test_an_inference_component_is_named_in_a_header(vendor: Vendor) -> None:
    vendor.will(whole(completion()))
    endpoint(vendor, suffix="?inference-component=demo-dev-llama").chat()
    (received,) = vendor.received
    assert received.path == "/endpoints/demo-dev/invocations"
    assert received.headers["x-amzn-sagemaker-inference-component"] == "demo-dev-llama"
    assert "x-amzn-sagemaker-inference-component" in received.headers["authorization"]


@pytest.mark.parametrize("path", ["/completions", "/embeddings"])
def test_the_engine_tells_requests_apart_by_their_shape(vendor: Vendor, path: str) -> None:
    vendor.will(whole({"object": "list", "data": [], "model": NAME, "usage": {"prompt_tokens": 4, "total_tokens": 4}}))
    body = {"model": "gpt-main", "prompt": "x"} if path == "/completions" else {"model": "gpt-main", "input": "x"}
    assert endpoint(vendor).post(body, path).status == 200
    assert vendor.received[0].path == "/endpoints/demo-dev/invocations"
    assert vendor.received[0].document == body | {"model": NAME}


def test_responses_are_not_served_but_a_fallback_may(vendor: Vendor, spare: Vendor) -> None:
    request = {"model": "gpt-main", "input": "x"}
    assert error_of(endpoint(vendor).post(request, "/responses"))["code"] == "unsupported_endpoint"
    spare.will(whole(completion("from spare")))
    assert endpoint(vendor, spare).post(request, "/responses").status == 200
    assert vendor.received == []


def test_a_streamed_answer_comes_out_of_the_event_stream(vendor: Vendor) -> None:
    vendor.will(event_stream(part(TEXT), part(END)))
    made = endpoint(vendor)
    got = events(made.chat(stream=True))
    assert vendor.received[0].path == "/endpoints/demo-dev/invocations-response-stream"
    assert vendor.received[0].document["stream_options"] == {"include_usage": True}
    assert spoken(got) == "Hello there"
    assert got[-1] == "[DONE]"
    assert {item["model"] for item in got[:-1]} == {"gpt-main"}
    assert all(item["choices"] for item in got[:-1]), "the client didn't ask for the usage chunk"
    assert (made.usage()["prompt_tokens"], made.usage()["completion_tokens"], made.usage()["usd"]) == (9, 3, 0.0)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_frames_and_events_may_be_cut_anywhere(vendor: Vendor, size: int) -> None:
    parts = b"".join(part(piece) for piece in _cut(TEXT + END, 50))
    vendor.will(event_stream(*_cut(parts, size)))
    got = events(endpoint(vendor).chat(stream=True))
    assert (spoken(got), got[-1]) == ("Hello there", "[DONE]")


def test_several_frames_in_one_piece(vendor: Vendor) -> None:
    vendor.will(event_stream(part(TEXT) + part(b"") + part(END)))
    assert spoken(events(endpoint(vendor).chat(stream=True))) == "Hello there"


def test_other_events_are_passed_over(vendor: Vendor) -> None:
    vendor.will(event_stream(frame(b"{}", event_type="initial-response", message_type="event"), part(TEXT + END)))
    assert spoken(events(endpoint(vendor).chat(stream=True))) == "Hello there"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (failure("ModelStreamError", Message="secret text", ErrorCode="StreamBroken"), "upstream_stream_error"),
        (failure("InternalStreamFailure", Message="secret text"), "upstream_stream_error"),
        (frame(b"", error_code="InternalServerError", message_type="error"), "upstream_stream_error"),
        (part(b"x")[:-1] + b"\0", "upstream_broken"),
    ],
    ids=["model", "internal", "error", "checksum"],
)
def test_a_failure_within_a_stream_ends_it(vendor: Vendor, spare: Vendor, bad: bytes, code: str) -> None:
    vendor.will(event_stream(part(TEXT), bad))
    made = endpoint(vendor, spare)
    got = events(made.chat(stream=True))
    assert spoken(got[:-1]) == "Hello there"
    assert got[-1]["error"]["code"] == code
    assert "secret text" not in json.dumps(got)
    assert spare.received == []
    assert made.usage()["error"] == code


def test_a_failure_before_the_first_event_goes_to_the_fallback(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(event_stream(failure("ModelStreamError", Message="no", ErrorCode="ModelInvocationTimeExceeded")))
    spare.will(stream(chunk("from spare"), chunk(None, finish="stop"), DONE))
    made = endpoint(vendor, spare)
    assert spoken(events(made.chat(stream=True))) == "from spare"
    assert made.usage()["fallbacks"] == 1


@pytest.mark.parametrize("dies", [True, False])
def test_a_stream_that_ends_too_early_is_broken(vendor: Vendor, dies: bool) -> None:
    vendor.will(event_stream(part(TEXT), part(END)[:20], dies=dies))
    assert events(endpoint(vendor).chat(stream=True))[-1]["error"]["code"] == "upstream_broken"


ABSENT = "Endpoint demo-dev of account 123456789012 not found."
UPDATING = "Endpoint demo-dev is Updating."
NO_CAPACITY = "Inference Component has no capacity to process this request."


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (invocation_refused(400, "ValidationError", Message=ABSENT), 503, "model_unavailable"),
        (invocation_refused(400, "ValidationError", Message=NO_CAPACITY), 503, "model_unavailable"),
        (
            invocation_refused(400, "ValidationError", Message=UPDATING),
            503,
            "model_unavailable",
        ),
        (invocation_refused(400, "ValidationError", Message="26214401 bytes are too many"), 502, "upstream_error"),
        (invocation_refused(429, "ModelNotReadyException", Message="wait"), 503, "model_unavailable"),
        (invocation_refused(503, "ServiceUnavailable", Message="busy"), 503, "model_unavailable"),
        (invocation_refused(400, "ThrottlingException", Message="slow down"), 429, "rate_limit_exceeded"),
        (invocation_refused(403, "AccessDeniedException", Message="no"), 502, "upstream_unauthorized"),
        (invocation_refused(500, "InternalFailure", Message="oh"), 502, "upstream_error"),
        (invocation_refused(530, "InternalDependencyException", Message="oh"), 502, "upstream_error"),
        (invocation_refused(424, "ModelError", OriginalStatusCode=503, OriginalMessage="x"), 503, "model_unavailable"),
        (invocation_refused(424, "ModelError", OriginalStatusCode=500, OriginalMessage="x"), 502, "upstream_error"),
        (invocation_refused(424, "ModelError", Message="timed out", OriginalStatusCode=0), 504, "upstream_timeout"),
    ],
    ids=[
        "absent",
        "capacity",
        "updating",
        "large",
        "not ready",
        "busy",
        "throttled",
        "denied",
        "internal",
        "dep",
        "503",
        "500",
        "silent",
    ],
)
def test_a_refusal_is_told_and_tried_elsewhere(
    vendor: Vendor, spare: Vendor, answer: Answer, status: int, code: str
) -> None:
    vendor.will(answer)
    response = endpoint(vendor).chat()
    assert (response.status, error_of(response)["code"]) == (status, code)
    spare.will(whole(completion("from spare")))
    assert endpoint(vendor, spare).chat().status == 200


def test_the_containers_verdict_on_the_request_is_final(vendor: Vendor, spare: Vendor) -> None:
    said: dict[str, Any] = {"error": {"message": "too long", "type": "BadRequestError", "param": None, "code": 400}}
    answer = invocation_refused(424, "ModelError", OriginalStatusCode=400, OriginalMessage=json.dumps(said))
    vendor.will(answer)
    response = endpoint(vendor, spare).chat(stream=True)
    assert (response.status, error_of(response)["message"]) == (400, "too long")
    assert spare.received == []


def _cut(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]
