"""Streams over time: piece by piece, silence, death on the way, and clients that leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from relay_kit import config, desk, events, parse_events, spoken, wait_for
from relay_vendor import DONE, Vendor, VendorHandler, chunk, event, stream, talk_until_closed

from llmstrat_iac.relay.exchange import Body
from llmstrat_iac.relay.keepalive import PingedBody
from llmstrat_iac.relay.sse import PING, split_events


def body_of(response_body: bytes | Body) -> Body:
    assert not isinstance(response_body, bytes)
    return response_body


def test_the_first_event_does_not_wait_for_the_second(vendor: Vendor) -> None:
    go_on = threading.Event()

    def answer(handler: VendorHandler) -> None:
        stream_of = stream(chunk("b"), chunk(None, finish="stop"), DONE, before=go_on)
        handler.start(200, content_type="text/event-stream", transfer_encoding="chunked")
        handler.chunk(chunk("a"))
        handler.start = lambda status, **headers: None  # type: ignore[method-assign]
        stream_of(handler)

    vendor.will(answer)
    body = body_of(desk(config(vendor.url)).chat(stream=True).body)
    assert spoken(parse_events(next(body))) == "a"
    go_on.set()
    assert spoken(parse_events(b"".join(body))) == "b"


@pytest.mark.parametrize("dies", [True, False], ids=["connection cut", "ended too early"])
def test_an_unfinished_answer_ends_with_an_error_event(vendor: Vendor, dies: bool) -> None:
    vendor.will(stream(chunk("half"), dies=dies))
    made = desk(config(vendor.url))
    got = events(made.chat(stream=True))
    assert got[-1]["error"]["type"] == "upstream_error"
    assert "[DONE]" not in got
    assert made.usage()["prompt_tokens"] is None


def test_an_unfinished_response_ends_with_an_error_event(vendor: Vendor) -> None:
    vendor.will(stream(b"event: response.created\n" + event({"type": "response.created", "response": {}})))
    made = desk(config(vendor.url))
    got = events(made.post({"model": "gpt-main", "input": "x", "stream": True}, "/responses"))
    assert [item.get("type") for item in got] == ["response.created", None]
    assert got[-1]["error"]["code"] == "upstream_broken"


def test_a_vendors_comment_is_not_yet_an_answer(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(stream(b": working on it\n\n", dies=True))
    spare.will(stream(chunk("from spare"), chunk(None, finish="stop"), DONE))
    assert spoken(events(desk(config(vendor.url, spare.url)).chat(stream=True))) == "from spare"


def test_a_vendors_error_event_is_passed_and_noted(vendor: Vendor) -> None:
    vendor.will(stream(chunk("half"), event({"error": {"message": "overloaded", "code": "x"}})))
    made = desk(config(vendor.url))
    got = events(made.chat(stream=True))
    assert got[1]["error"]["message"] == "overloaded"
    assert made.usage()["error"] == "upstream_stream_error"


def test_a_stream_ends_at_its_deadline(vendor: Vendor) -> None:
    never = threading.Event()
    vendor.will(stream(chunk("late"), before=never))
    made = desk(config(vendor.url))
    asked = {"model": "gpt-main", "messages": [], "stream": True}
    got = events(made.post(asked, seconds=2))
    never.set()
    assert [item["error"]["code"] for item in got] == ["upstream_timeout"]


def test_a_client_that_leaves_closes_the_vendors_connection(vendor: Vendor) -> None:
    closed = threading.Event()
    vendor.will(talk_until_closed(closed))
    made = desk(config(vendor.url))
    body = body_of(made.chat(stream=True).body)
    next(body)
    body.close()
    assert closed.wait(60)
    assert made.usage()["error"] == "client_disconnected"
    body.close()
    assert len(made.lines) == 1, "a request is logged once"


def test_a_stream_that_nobody_reads_is_closed_and_logged(vendor: Vendor) -> None:
    closed = threading.Event()
    vendor.will(talk_until_closed(closed))
    made = desk(config(vendor.url))
    body_of(made.chat(stream=True).body).close()
    assert closed.wait(60)
    assert made.usage()["error"] == "client_disconnected"


def test_abort_frees_a_blocked_reader(vendor: Vendor) -> None:
    never = threading.Event()
    vendor.will(stream(chunk("late"), before=never))
    made = desk(config(vendor.url))
    body = body_of(made.chat(stream=True).body)
    reader = threading.Thread(target=lambda: list(body))
    reader.start()
    time.sleep(0.05)
    body.abort()
    reader.join(60)
    never.set()
    assert not reader.is_alive()
    assert made.usage()["error"] == "client_disconnected"


def test_silence_is_filled_with_comments(vendor: Vendor) -> None:
    speak = threading.Event()
    vendor.will(stream(chunk("a"), chunk(None, finish="stop"), DONE, before=speak))
    body = PingedBody(body_of(desk(config(vendor.url)).chat(stream=True).body), 0.02)
    assert [next(body), next(body)] == [PING, PING]
    speak.set()
    assert spoken(parse_events(b"".join(body))) == "a"


def test_closing_during_silence_frees_the_reader(vendor: Vendor) -> None:
    never = threading.Event()
    vendor.will(stream(chunk("late"), before=never))
    made = desk(config(vendor.url))
    body = PingedBody(body_of(made.chat(stream=True).body), 0.02)
    assert next(body) == PING
    body.close()
    wait_for(lambda: made.lines)
    never.set()


def test_closing_while_the_reader_is_far_ahead_frees_it(vendor: Vendor) -> None:
    vendor.will(stream(*[chunk("x")] * 500, chunk(None, finish="stop"), DONE))
    made = desk(config(vendor.url))
    body = PingedBody(body_of(made.chat(stream=True).body), 5)
    wait_for(body.is_full)
    body.close()
    wait_for(lambda: made.lines)
    assert made.usage()["error"] == "client_disconnected"


class Failing:
    """A body with a bug."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise KeyError("bug")

    def close(self) -> None: ...

    def abort(self) -> None: ...


def test_a_failure_of_the_body_reaches_the_door() -> None:
    with pytest.raises(KeyError):
        list(PingedBody(Failing(), 5))


def test_an_unfinished_last_event_is_dropped() -> None:
    assert list(split_events([b"data: 1\n", b"\ndata: 2\n\ndata", b": 3"])) == [[b"data: 1", b"data: 2"]]
