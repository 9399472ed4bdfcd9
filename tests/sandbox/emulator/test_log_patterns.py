"""FilterLogEvents selects lines by their JSON fields."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sandbox_kit import Clients, clients

LINES: list[Any] = [
    {"event": "usage", "consumer": "web", "status": 200, "cost": {"usd": 0.5}, "error": None},
    {"event": "usage", "consumer": "batch", "status": 429, "cost": {"usd": 2}, "streamed": True},
    "START RequestId: web usage",
]


def fill(made: Clients, group: str) -> None:
    logs = made("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    texts = [line if isinstance(line, str) else json.dumps(line) for line in LINES]
    entries = [{"timestamp": now, "message": text} for text in texts]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=entries)


def select(made: Clients, group: str, pattern: str) -> list[str]:
    found = made("logs").filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    return [event["message"] for event in found]


@pytest.fixture(scope="module")
def filled(aws: Clients) -> Clients:
    fill(aws, "/patterns")
    return aws


def test_upstream_still_matches_everything(plain_emulator_url: str) -> None:
    made = clients(plain_emulator_url)
    fill(made, "/patterns-gap")
    assert len(select(made, "/patterns-gap", '{ $.consumer = "web" }')) == 3, (
        "plain ministack now reads JSON filter patterns: compare, then delete the addition `log-patterns`"
    )


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ('{ $.consumer = "web" }', [0]),
        ('{$.consumer="web"}', [0]),
        ("{ $.consumer = w* }", [0]),
        ('{ $.consumer != "web" }', [1]),
        ("{ $.status >= 400 }", [1]),
        ("{ $.cost.usd < 1 }", [0]),
        ('{ $.event = "usage" && $.status = 429 }', [1]),
        ('{ $.consumer = "web" || $.consumer = "batch" }', [0, 1]),
        ("{ $.streamed = true }", [1]),
        ("{ $.error EXISTS }", [0]),
        ("{ $.error NOT EXISTS }", [1]),
        ("{ $.error IS NULL }", [0]),
        ("START", [2]),
        ("", [0, 1, 2]),
    ],
)
def test_a_pattern_selects_by_fields(filled: Clients, pattern: str, numbers: list[int]) -> None:
    wanted = [LINES[number] if isinstance(LINES[number], str) else json.dumps(LINES[number]) for number in numbers]
    assert select(filled, "/patterns", pattern) == wanted


@pytest.mark.parametrize("pattern", ["{ }", "{ consumer = web }", '{ $.a < "x" }', "{ ($.a = 1) }"])
def test_what_cannot_be_read_is_refused(filled: Clients, pattern: str) -> None:
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        select(filled, "/patterns", pattern)
