"""Which failures go to the next route, which are tried again, and which are the client's."""

from __future__ import annotations

import threading
import time

import pytest
from relay_kit import config, desk, error_of, events, read, spoken
from relay_vendor import DONE, Answer, Vendor, VendorHandler, chunk, completion, drop, refuse, stream, whole

CLOSED = "http://127.0.0.1:9/v1"  # the discard port: nothing listens there
ANSWER = completion("from spare")


@pytest.mark.parametrize(
    "failure",
    [refuse(429), refuse(500), refuse(502), refuse(503), refuse(401), drop, whole(b"<html>")],
    ids=["429", "500", "502", "503", "401", "dropped", "no json"],
)
def test_the_next_route_answers(vendor: Vendor, spare: Vendor, failure: Answer) -> None:
    vendor.will(failure)
    spare.will(whole(ANSWER))
    made = desk(config(vendor.url, spare.url))
    response = made.chat()
    assert response.status == 200
    assert read(response)["model"] == "gpt-main"
    assert len(vendor.received) == 1
    assert spare.received[0].document["model"] == "spare-1"
    usage = made.usage()
    assert (usage["fallbacks"], usage["provider"], usage["upstream_model"]) == (1, "spare", "spare-1")
    assert usage["usd"] is None, "the spare's price is unknown, which is not zero"
    assert made.pauses == []


def test_a_vendor_that_is_not_there(spare: Vendor) -> None:
    spare.will(whole(ANSWER))
    assert desk(config(CLOSED, spare.url)).chat().status == 200


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_verdict_on_the_request_is_final(vendor: Vendor, spare: Vendor, status: int) -> None:
    vendor.will(refuse(status))
    made = desk(config(vendor.url, spare.url))
    assert made.chat().status == status
    assert spare.received == []


def test_the_last_failure_is_told(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(refuse(500))
    spare.will(refuse(429, "spare is full"))
    response = desk(config(vendor.url, spare.url)).chat()
    assert (response.status, error_of(response)["message"]) == (429, "spare is full")


def test_an_overloaded_last_route_is_asked_once_more_after_a_pause(vendor: Vendor) -> None:
    vendor.will(refuse(503), whole(ANSWER))
    made = desk(config(vendor.url))
    assert made.chat().status == 200
    assert len(made.pauses) == 1
    assert 0.1 <= made.pauses[0] <= 0.4


@pytest.mark.parametrize(("status", "asked"), [(503, 2), (500, 1), (429, 1)])
def test_only_an_overloaded_vendor_is_asked_twice(vendor: Vendor, status: int, asked: int) -> None:
    vendor.will(refuse(status))
    desk(config(vendor.url)).chat()
    assert len(vendor.received) == asked


def test_nothing_listens_anywhere() -> None:
    made = desk(config(CLOSED, CLOSED))
    response = made.chat()
    assert (response.status, error_of(response)["code"]) == (502, "upstream_unreachable")
    assert len(made.pauses) == 1, "only the last route is tried again"


def test_no_retry_when_the_time_is_up(vendor: Vendor, spare: Vendor) -> None:
    release = threading.Event()

    def silent(handler: VendorHandler) -> None:
        release.wait(60)
        handler.close_connection = True

    vendor.will(silent)
    made = desk(config(vendor.url, spare.url))
    started = time.monotonic()
    response = made.post({"model": "gpt-main", "messages": []}, seconds=0.15)
    release.set()
    assert (response.status, error_of(response)["code"]) == (504, "upstream_timeout")
    assert time.monotonic() - started < 30
    assert spare.received == []


def test_a_stream_that_breaks_before_its_first_event_is_started_elsewhere(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(stream(dies=True))
    spare.will(stream(chunk("from spare"), chunk(None, finish="stop"), DONE))
    made = desk(config(vendor.url, spare.url))
    assert spoken(events(made.chat(stream=True))) == "from spare"
    assert (made.usage()["fallbacks"], made.usage()["provider"], made.usage()["error"]) == (1, "spare", None)


def test_a_stream_is_never_repeated_after_its_first_event(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(stream(chunk("half"), dies=True))
    made = desk(config(vendor.url, spare.url))
    got = events(made.chat(stream=True))
    assert spoken(got) == "half"
    assert got[-1]["error"]["code"] == "upstream_broken"
    assert spare.received == []
    assert (made.usage()["status"], made.usage()["error"]) == (200, "upstream_broken")


def test_all_routes_break_before_their_first_event(vendor: Vendor, spare: Vendor) -> None:
    vendor.will(stream(dies=True))
    spare.will(refuse(429, "spare is full"))
    got = events(desk(config(vendor.url, spare.url)).chat(stream=True))
    assert [item["error"]["message"] for item in got] == ["spare is full"]
