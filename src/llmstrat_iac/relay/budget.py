"""Token budgets: reserve an upper estimate before the vendor is asked, settle with the real usage afterwards.

A reservation that is never settled stays spent, so a crash or a vendor that doesn't report usage can't widen a budget.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from .config import Consumer
from .errors import RelayError


@dataclass(frozen=True, slots=True)
class Reservation:
    item: str  # `consumer#yyyymm`: a stream over midnight settles in the month that it was reserved in
    tokens: int


class TokenBudget(Protocol):
    """Where the month's tokens are counted."""

    def reserve(self, consumer: Consumer, tokens: int, now: float) -> Reservation:
        """Count `tokens` now; RelayError 429 if the budget can't hold them, 503 if that can't be known."""

    def settle(self, reservation: Reservation, used: int) -> None:
        """Replace the reserved figure by the real one. Raises nothing: a lost settlement only narrows the budget."""


class MemoryBudget:
    """Budgets of one process, for local use: they start at zero with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.spent: dict[str, int] = {}

    def reserve(self, consumer: Consumer, tokens: int, now: float) -> Reservation:
        limit = consumer.tokens_per_month
        assert limit is not None, "asked only for consumers with a budget"
        item = item_id(consumer.name, now)
        with self._lock:
            spent = self.spent.get(item, 0)
            if spent + tokens > limit:
                raise exhausted(consumer, tokens, spent, now)
            self.spent[item] = spent + tokens
        return Reservation(item, tokens)

    def settle(self, reservation: Reservation, used: int) -> None:
        with self._lock:
            self.spent[reservation.item] += used - reservation.tokens


def item_id(consumer: str, now: float) -> str:
    """The month's item of a consumer, in UTC."""
    day = datetime.fromtimestamp(now, UTC)
    return f"{consumer}#{day.year}{day.month:02}"


def month_end(now: float) -> float:
    """The Unix time at which the UTC month of `now` ends."""
    today = datetime.fromtimestamp(now, UTC)
    year, month = (today.year + 1, 1) if today.month == 12 else (today.year, today.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def exhausted(consumer: Consumer, tokens: int, spent: int, now: float) -> RelayError:
    """The 429 of a budget that can't hold a request."""
    limit = consumer.tokens_per_month or 0
    left = max(limit - spent, 0)
    return RelayError(
        429,
        "insufficient_quota",
        f"consumer {consumer.name} has {left} of {limit} tokens left this month and this request could use {tokens}; "
        "ask with a lower max_tokens, or wait for the next month",
        kind="insufficient_quota",
        headers=(("retry-after", str(int(month_end(now) - now) + 1)),),
    )


def unavailable() -> RelayError:
    """The 503 of a budget that can't be read: what isn't counted isn't served."""
    return RelayError(
        503,
        "budget_unavailable",
        "the token budget can't be checked now, so the request was not sent",
        kind="server_error",
    )
