"""A receipt says what there was, what is gone and what is left; leftovers and failures make it unclean."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from llmstrat_iac.hookspecs import Leftover
from llmstrat_iac.operations.receipt import Cost, Receipt, ReceiptLine, receipt_lines, save_receipt
from llmstrat_iac.operations.usage import cost_of, parse_line

RECEIPT = Receipt(
    stack="support-dev",
    strategy="closed-api",
    region="us-east-1",
    owner="ml@example.com",
    created=datetime(2026, 11, 24, 8, tzinfo=UTC),
    destroyed=datetime(2026, 11, 24, 20, 30, tzinfo=UTC),
    lines=(ReceiptLine("aws:iam/role:Role", 3, 3),),
    leftovers=(),
    kept=(),
    cost=Cost(fixed_usd=0.5, tokens_usd=None, requests=None),
)
LEFT = Leftover(type="log group", id="/aws/lambda/x", detail="", billed=True, removed=False)


def test_lines_count_by_type() -> None:
    lines = receipt_lines(["role", "role", "table"], ["role"])
    assert lines == (ReceiptLine("role", 2, 1), ReceiptLine("table", 1, 1))


def test_clean_only_when_nothing_is_left() -> None:
    assert RECEIPT.clean
    assert replace(RECEIPT, leftovers=(replace(LEFT, removed=True),)).clean
    assert not replace(RECEIPT, leftovers=(LEFT,)).clean
    assert not replace(RECEIPT, failures=("deleting the API: throttled",)).clean


def test_saved_receipt_is_complete_json(tmp_path: Path) -> None:
    path = save_receipt(replace(RECEIPT, leftovers=(LEFT,)), tmp_path / "receipts")
    document = json.loads(path.read_text())
    assert path.name == "support-dev-20261124T203000Z.json"
    assert document["lived_hours"] == 12.5
    assert document["clean"] is False
    assert document["leftovers"][0]["id"] == "/aws/lambda/x"
    assert document["cost"]["tokens_usd"] is None


def usage(**fields: object) -> str:
    return json.dumps(
        {"event": "usage", "consumer": "web", "model": "gpt-main", "provider": "openai", "status": 200} | fields
    )


def test_cost_never_takes_unknown_for_free() -> None:
    messages = [usage(usd=0.25), usage(usd=None), usage(usd=None, status=429), "START RequestId", '{"event": "other"}']
    lines = [line for message in messages if (line := parse_line(message, 0))]
    assert cost_of(lines, fixed_usd=None) == Cost(fixed_usd=None, tokens_usd=0.25, requests=3, unpriced_requests=1)
