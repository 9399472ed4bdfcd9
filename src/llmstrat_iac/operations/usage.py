"""Reads the gateway's usage log from CloudWatch: one JSON line a request, never the prompts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.operations.receipt import Cost


@dataclass(frozen=True)
class UsageLine:
    """One request. Times in milliseconds; `usd` is None when the model's price isn't known."""

    id: str
    at: datetime
    consumer: str
    model: str
    provider: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    status: int
    ttft_ms: float | None
    total_ms: float | None
    usd: float | None
    fields: dict[str, Any]


_POLL_SECONDS = 2.0


def follow_usage(
    session: AwsSession, log_group: str, *, since: datetime, sleep: Callable[[float], None] = time.sleep
) -> Iterator[UsageLine]:
    """Yield the usage lines since a moment and then, without end, new ones as they appear."""
    seen: set[str] = set()
    while True:
        for line in read_usage(session, log_group, since=since):
            if line.id not in seen:
                seen = {line.id} if line.at > since else seen | {line.id}
                since = max(since, line.at)
                yield line
        sleep(_POLL_SECONDS)


def read_usage(session: AwsSession, log_group: str, *, since: datetime) -> Iterator[UsageLine]:
    """Yield the usage lines since a moment, oldest first."""
    pages = session.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=log_group, startTime=int(since.timestamp() * 1000)):
        for event in page.get("events", ()):
            line = parse_line(event["message"], event["timestamp"])
            if line is not None:
                yield line


def parse_line(message: str, timestamp_ms: int) -> UsageLine | None:
    """A usage line from a log event, or None for anything else that a function prints."""
    try:
        fields = json.loads(message)
    except ValueError:
        return None
    if not isinstance(fields, dict) or fields.get("event") != "usage":
        return None
    return UsageLine(
        id=str(fields.get("request_id")),
        at=datetime.fromtimestamp(timestamp_ms / 1000, UTC),
        consumer=fields.get("consumer", "?"),
        model=fields.get("model", "?"),
        provider=fields.get("provider"),
        prompt_tokens=fields.get("prompt_tokens"),
        completion_tokens=fields.get("completion_tokens"),
        status=int(fields.get("status", 0)),
        ttft_ms=fields.get("ttft_ms"),
        total_ms=fields.get("total_ms"),
        usd=fields.get("usd"),
        fields=fields,
    )


def cost_of(lines: Iterable[UsageLine], *, fixed_usd: float | None) -> Cost:
    """Add up what the requests cost; requests without a price are counted, never taken as free."""
    requests = unpriced = 0
    usd = 0.0
    for line in lines:
        requests += 1
        if line.usd is None and line.provider is not None and line.status < 400:
            unpriced += 1
        usd += line.usd or 0.0
    return Cost(fixed_usd=fixed_usd, tokens_usd=usd, requests=requests, unpriced_requests=unpriced)


def month_so_far(session: AwsSession, log_group: object, *, now: datetime) -> str:
    """Requests, tokens and cost of the calendar month in one line, as far as the log's retention reaches."""
    if not isinstance(log_group, str):
        return "unknown"
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    lines = list(read_usage(session, log_group, since=start))
    cost = cost_of(lines, fixed_usd=None)
    tokens = sum((line.prompt_tokens or 0) + (line.completion_tokens or 0) for line in lines)
    unpriced = f", {cost.unpriced_requests} requests without a known price" if cost.unpriced_requests else ""
    return f"{len(lines)} requests, {tokens} tokens, {cost.tokens_usd:.4f} USD{unpriced}"
