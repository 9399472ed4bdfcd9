"""Governance: each rule fires where it must, stays silent where it must, and says why and what to do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from planner_kit import SPEC, findings, plan

from llmstrat_iac.plan import Severity

BEDROCK = (SPEC[SPEC.index("  - name: openai") :], "  - name: bedrock\n    models: [{alias: chat, id: 'MODEL'}]\n")


def bedrock(model: str = "amazon.nova-lite-v1:0") -> tuple[str, str]:
    return BEDROCK[0], BEDROCK[1].replace("MODEL", model)


def test_an_ordinary_spec_has_nothing_against_it() -> None:
    assert plan().findings == ()


def test_restricted_data_may_not_go_to_a_vendor_outside() -> None:
    finding = findings(("internal", "restricted"))["restricted-data-leaves-account"]
    assert (finding.severity, finding.path) == (Severity.ERROR, "providers[0]")
    assert "OpenAI" in finding.message
    assert "bedrock" in finding.remedy


def test_restricted_data_may_go_to_bedrock() -> None:
    assert plan(("internal", "restricted"), bedrock()).errors == ()


@pytest.mark.parametrize("classification", ["public", "internal", "confidential"])
def test_other_data_may_go_to_a_vendor(classification: str) -> None:
    assert "restricted-data-leaves-account" not in findings(("internal", classification))


@pytest.mark.parametrize(("classification", "warned"), [("internal", False), ("confidential", True)])
def test_logging_prompts_with_confidential_data_is_warned_of(classification: str, warned: bool) -> None:
    found = findings(("internal", classification), ("  consumers:", "  usage_log: {prompts: true}\n  consumers:"))
    assert ("prompts-logged-with-confidential-data" in found) is warned


def test_a_retired_model_is_refused_with_its_replacement() -> None:
    finding = findings(("gpt-5.2", "o4-mini"))["model-retired"]
    assert (finding.severity, finding.path) == (Severity.ERROR, "providers[0].models[0].id")
    assert finding.message == "`o4-mini` was retired on 2026-10-23"
    assert "gpt-5.6-terra" in finding.remedy


@pytest.mark.parametrize(
    ("ttl", "now", "rule"),
    [
        ("72h", datetime(2026, 12, 7, 23, tzinfo=UTC), None),
        ("72h", datetime(2026, 12, 8, 0, tzinfo=UTC), "model-retires-within-ttl"),
        ("72h", datetime(2026, 12, 10, 23, tzinfo=UTC), "model-retires-within-ttl"),
        ("72h", datetime(2026, 12, 11, 0, tzinfo=UTC), "model-retired"),
        ("never", datetime(2026, 9, 1, tzinfo=UTC), None),
        ("never", datetime(2026, 11, 24, tzinfo=UTC), "model-retires-within-ttl"),
    ],
)
def test_retirement_is_compared_with_the_end_of_the_ttl(ttl: str, now: datetime, rule: str | None) -> None:
    found = findings(("gpt-5.2", "gpt-5-mini"), ("72h", ttl), now=now)  # retires on 2026-12-11
    assert [name for name in found if name.startswith("model-")] == ([rule] if rule else [])


def test_an_unknown_model_is_a_warning_that_suggests_a_known_one() -> None:
    found = findings(("gpt-5.2", "gpt-5.22"))
    assert found["unknown-model"].severity is Severity.WARNING
    assert "did you mean `gpt-5.2`?" in found["unknown-model"].remedy
    assert "unknown-price" in found


def test_a_model_without_a_known_price_is_a_warning() -> None:
    finding = findings(bedrock("anthropic.claude-mythos-preview"))["unknown-price"]
    assert finding.message == "the price of `anthropic.claude-mythos-preview` (bedrock) is unknown"


def test_aws_prices_that_no_source_gives_for_the_region_are_listed_once() -> None:
    finding = findings(("us-east-1", "sa-east-1"))["unknown-price"]
    assert "sa-east-1" in finding.message
    assert "API Gateway requests" in finding.message


def test_an_estimate_above_the_limit_is_refused() -> None:
    assert "monthly-limit" not in findings()
    finding = findings(("monthly_usd: 500", "monthly_usd: 50"))["monthly-limit"]
    assert (finding.severity, finding.path) == (Severity.ERROR, "limits.monthly_usd")
    assert "above the limit of $50.00" in finding.message


def test_fixed_costs_above_the_hourly_limit_are_refused() -> None:
    found = findings(("monthly_usd: 500", "monthly_usd: 500, max_hourly_usd: 0.0005"))
    assert found["hourly-limit"].severity is Severity.ERROR
    assert "hourly-limit" not in findings(("monthly_usd: 500", "monthly_usd: 500, max_hourly_usd: 0.01"))


def test_what_is_left_out_is_pointed_out() -> None:
    found = findings(
        ("ttl: 72h, monthly_usd: 500", "ttl: never"),
        ("  load: {requests_per_month: 10_000, input_tokens: 800, output_tokens: 300}\n", ""),
        (", tokens_per_month: 20_000_000", ""),
    )
    assert {rule: finding.severity for rule, finding in found.items()} == {
        "ttl-never": Severity.WARNING,
        "no-monthly-limit": Severity.INFO,
        "no-token-budget": Severity.INFO,
        "no-load-stated": Severity.INFO,
    }


def test_every_finding_has_a_reason_and_a_remedy() -> None:
    worst = plan(
        ("internal", "restricted"),
        ("gpt-5.2", "o4-mini"),
        ("us-east-1", "sa-east-1"),
        ("monthly_usd: 500", "monthly_usd: 0.01, max_hourly_usd: 0.00001"),
        ("  consumers:", "  usage_log: {prompts: true}\n  consumers:"),
    )
    assert len(worst.findings) >= 5
    assert [finding.rule for finding in worst.findings if not (finding.reason and finding.remedy)] == []
    severities = [finding.severity for finding in worst.findings]
    assert severities == sorted(severities, key=list(Severity).index)
