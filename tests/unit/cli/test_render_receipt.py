"""The printed receipt says what is gone, what is left, and never takes an unknown cost for nothing."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from llmstrat_iac.cli.render_receipt import print_receipt
from llmstrat_iac.hookspecs import Leftover
from llmstrat_iac.operations.receipt import Cost, Receipt, ReceiptLine
from llmstrat_iac.plan import Total

RECEIPT = Receipt(
    stack="support-dev",
    strategy="closed-api",
    region="us-east-1",
    owner="ml@example.com",
    created=datetime(2026, 11, 24, 8, tzinfo=UTC),
    destroyed=datetime(2026, 11, 24, 20, 30, tzinfo=UTC),
    lines=(ReceiptLine("aws:iam/role:Role", 3, 3), ReceiptLine("aws:dynamodb/table:Table", 1, 1)),
    leftovers=(),
    kept=("account-wide role",),
    cost=Cost(fixed_usd=0.5, tokens_usd=0.00001, requests=1),
)


def printed(receipt: Receipt) -> str:
    out = io.StringIO()
    print_receipt(Console(file=out, width=100), receipt, Path("receipt.json"))
    return out.getvalue()


def test_clean() -> None:
    text = printed(RECEIPT)
    assert "support-dev (closed-api, us-east-1, lived 12.5 h)" in text
    assert "all                      4     4" in text
    assert "kept on purpose: account-wide role" in text
    assert "fixed 0.50 USD, tokens <0.0001 USD (1 request)" in text
    assert "Nothing is left." in text


def test_leftovers_and_failures() -> None:
    left = Leftover("log group", "/aws/lambda/x", "made by Lambda", billed=True, removed=False)
    text = printed(replace(RECEIPT, leftovers=(left,), failures=("the API: throttled",)))
    assert "left: log group /aws/lambda/x (billed) made by Lambda" in text
    assert "not destroyed: the API: throttled" in text
    assert "Nothing is left." not in text
    assert "Something is left" in text


def test_unknown_costs() -> None:
    assert "fixed unknown, tokens unknown" in printed(replace(RECEIPT, cost=Cost(None, None, None)))
    trained = replace(RECEIPT.cost, each_job=Total(1551.51, ("ml.p5.48xlarge",)))
    said = "; jobs aren't counted, each 1,551.51 USD and 1 unknown price by the plan"
    assert said in " ".join(printed(replace(RECEIPT, cost=trained)).split())
    unpriced = Cost(fixed_usd=None, tokens_usd=0.0, requests=3, unpriced_requests=2)
    text = printed(replace(RECEIPT, cost=unpriced))
    assert "3 requests, 2 of them without a known price" in text


def test_short_life() -> None:
    assert "lived less than a minute" in printed(replace(RECEIPT, destroyed=RECEIPT.created))  # type: ignore[arg-type]
