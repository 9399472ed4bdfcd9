"""Token budgets in DynamoDB: one item a consumer and month, changed only by conditional or additive updates.

Item: `id` (S, hash key) `consumer#yyyymm`, `tokens` (N), `expires` (N, the table's TTL attribute). No read-then-write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Final

from .budget import Reservation, exhausted, item_id, month_end, unavailable
from .config import Consumer

_KEPT: Final = 40 * 24 * 3600  # seconds after the month's end, so that a month can still be looked at
# `ADD` isn't idempotent. A reservation counted twice narrows the budget, a settlement (mostly negative) would widen it.
_RESERVE_ATTEMPTS: Final = 3
_SETTLE_ATTEMPTS: Final = 1
_NAMES: Final = {"#tokens": "tokens", "#expires": "expires"}


class DynamoBudget:
    """`client` returns a DynamoDB client that attempts a call so many times; asked only when there is a budget."""

    def __init__(self, table: str, client: Callable[[int], Any]) -> None:
        self._table = table
        self._client = client

    def reserve(self, consumer: Consumer, tokens: int, now: float) -> Reservation:
        limit = consumer.tokens_per_month
        assert limit is not None, "asked only for consumers with a budget"
        item = item_id(consumer.name, now)
        if tokens > limit:  # a missing item counts as zero below, so this must be asked first
            raise exhausted(consumer, tokens, 0, now)
        try:
            self._reserve(self._client(_RESERVE_ATTEMPTS), item, tokens, limit, now)
        except Exception as error:
            spent = _spent_if_refused(error)
            if spent is None:
                _log_failure("reserve", error)
        else:
            return Reservation(item, tokens)
        raise unavailable() if spent is None else exhausted(consumer, tokens, spent, now)

    def settle(self, reservation: Reservation, used: int) -> None:
        try:
            self._client(_SETTLE_ATTEMPTS).update_item(
                TableName=self._table,
                Key={"id": {"S": reservation.item}},
                UpdateExpression="ADD #tokens :change",
                ExpressionAttributeNames={"#tokens": "tokens"},
                ExpressionAttributeValues={":change": {"N": str(used - reservation.tokens)}},
            )
        except Exception as error:
            _log_failure("settle", error)

    def _reserve(self, client: Any, item: str, tokens: int, limit: int, now: float) -> None:
        client.update_item(
            TableName=self._table,
            Key={"id": {"S": item}},
            UpdateExpression="SET #expires = :expires ADD #tokens :tokens",
            ConditionExpression="attribute_not_exists(#tokens) OR #tokens <= :room",
            ExpressionAttributeNames=_NAMES,
            ExpressionAttributeValues={
                ":tokens": {"N": str(tokens)},
                ":room": {"N": str(limit - tokens)},
                ":expires": {"N": str(int(month_end(now)) + _KEPT)},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


def _spent_if_refused(error: Exception) -> int | None:
    """The tokens spent, if DynamoDB said that the condition doesn't hold; None for any other failure."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict) or response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        return None
    return int(response.get("Item", {}).get("tokens", {}).get("N", "0"))


def _log_failure(step: str, error: Exception) -> None:
    sys.stderr.write(json.dumps({"event": "budget_failure", "step": step, "error": type(error).__name__}) + "\n")
