"""The usage log: one JSON line for each request, which is at the same time CloudWatch's Embedded Metric Format.

It holds names, counts and times. Prompts and answers are in it only when the configuration says `log_prompts`.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from .config import Route
from .exchange import Usage

NAMESPACE: Final = "llmstrat"
_LONGEST: Final = 100_000  # characters of a prompt or answer; a CloudWatch event holds 1 MB
_UNITS: Final = {
    "prompt_tokens": "Count",
    "completion_tokens": "Count",
    "ttft_ms": "Milliseconds",
    "total_ms": "Milliseconds",
    "usd": "None",
}
Write = Callable[[str], object]
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def write_line(line: str) -> None:
    """One write for the whole line, so that lines of several threads don't mix."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(slots=True)
class Record:
    """What is known of one request when it ends. None is unknown."""

    stack: str
    consumer: str
    request_id: str
    started: float = field(default_factory=time.monotonic)
    model: str | None = None
    route: Route | None = None
    status: int = 0
    error: str | None = None
    usage: Usage | None = None
    first_byte: float | None = None
    streamed: bool = False
    fallbacks: int = 0
    prompt: Any = None
    answer: list[str] | None = None

    def line(self, now: float, monotonic: float) -> str:
        """The line for CloudWatch; both clocks in seconds."""
        entry: dict[str, Any] = {
            "event": "usage",
            "stack": self.stack,
            "consumer": self.consumer,
            "model": self.model,
            "provider": self.route.provider if self.route else None,
            "upstream_model": self.route.model if self.route else None,
            "prompt_tokens": self.usage.prompt_tokens if self.usage else None,
            "completion_tokens": self.usage.completion_tokens if self.usage else None,
            "status": self.status,
            "error": self.error,
            "ttft_ms": None if self.first_byte is None else round((self.first_byte - self.started) * 1000, 1),
            "total_ms": round((monotonic - self.started) * 1000, 1),
            "usd": self.usd(),
            "request_id": self.request_id,
            "streamed": self.streamed,
            "fallbacks": self.fallbacks,
        }
        if self.answer is not None:
            entry["prompt"] = json.dumps(self.prompt, ensure_ascii=False)[:_LONGEST]
            entry["answer"] = "".join(self.answer)[:_LONGEST]
        if self.model is not None:
            entry["_aws"] = _metrics(entry, now)
        return _encode(entry)

    def usd(self) -> float | None:
        """The estimated cost, or None if a price or the usage is unknown."""
        if self.usage is None or self.route is None:
            return None
        if self.usage.completion_tokens == 0 and self.route.usd_per_mtok_output is None:
            price_out: float | None = 0.0  # an embedding has no output to price
        else:
            price_out = self.route.usd_per_mtok_output
        price_in = self.route.usd_per_mtok_input
        if price_in is None or price_out is None:
            return None
        return round((self.usage.prompt_tokens * price_in + self.usage.completion_tokens * price_out) / 1e6, 8)


def _metrics(entry: dict[str, Any], now: float) -> dict[str, Any]:
    """The metric block: an unknown value is left out, because CloudWatch would drop the whole line for a null."""
    metrics = [{"Name": name, "Unit": unit} for name, unit in _UNITS.items() if entry[name] is not None]
    block = {"Namespace": NAMESPACE, "Dimensions": [["stack", "consumer", "model"]], "Metrics": metrics}
    return {"Timestamp": int(now * 1000), "CloudWatchMetrics": [block]}
