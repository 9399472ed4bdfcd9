"""Events of the streams whose names begin so, and of no others."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import pytest
from sandbox_kit import Clients, clients


def messages(logs: Any, **more: str) -> list[str]:
    """What FilterLogEvents finds in a group with one line in each of two streams."""
    group = f"/streams/{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    for stream in ("one/a", "two/b"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": stream}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
    return [event["message"] for event in logs.filter_log_events(logGroupName=group, **more)["events"]]


@pytest.mark.parametrize(("prefix", "found"), [("one/", ["one/a"]), ("t", ["two/b"]), ("three", [])])
def test_streams_are_chosen_by_their_prefix(aws: Clients, prefix: str, found: list[str]) -> None:
    assert messages(aws("logs"), logStreamNamePrefix=prefix) == found


def test_without_a_prefix_all_are_read(aws: Clients) -> None:
    assert sorted(messages(aws("logs"))) == ["one/a", "two/b"]


def test_upstream_still_ignores_the_prefix(plain_emulator_url: str) -> None:
    found = messages(clients(plain_emulator_url)("logs"), logStreamNamePrefix="one/")
    assert len(found) == 2, "plain ministack now reads the prefix: delete the addition `log-streams`"
