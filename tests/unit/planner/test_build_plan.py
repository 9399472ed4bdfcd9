"""The plan's figures: each line is quantity times price, totals add what is known and name what isn't."""

from __future__ import annotations

import pytest
from planner_kit import plan

from llmstrat_iac.plan import Basis, CostLine, StackPlan, Total, total

LOAD = "  load: {requests_per_month: 10_000, input_tokens: 800, output_tokens: 300}\n"


def line(usd: float | None, basis: Basis = Basis.MONTH, quantity: float = 2) -> CostLine:
    return CostLine("item", basis, quantity, "unit", usd, "source", "2026-11-24")


def cost(stack: StackPlan, item: str) -> CostLine:
    (found,) = [line for line in stack.costs if line.item == item]
    return found


def test_unknown_is_never_zero() -> None:
    assert line(None).usd is None
    assert total([line(None), line(1.5)]) == Total(3.0, ("item",))


def test_hours_count_for_as_long_as_they_run() -> None:
    assert total([line(1.0, Basis.HOUR)], hours=10).usd == 20
    assert total([line(1.0, Basis.HOUR)]).usd == 1460


def test_tokens_cost_what_the_vendor_lists() -> None:
    stack = plan().stack
    assert cost(stack, "Tokens in: chat").usd == pytest.approx(10_000 * 800 / 1e6 * 1.75)
    assert cost(stack, "Tokens out: chat").usd == pytest.approx(10_000 * 300 / 1e6 * 14.00)


def test_the_gateway_costs_by_request_and_by_waiting() -> None:
    stack = plan().stack
    assert cost(stack, "API Gateway requests").usd == pytest.approx(0.035)
    waiting = cost(stack, "Lambda time, waiting for models")
    assert waiting.quantity == pytest.approx(10_000 * 5 * 0.5 + 8_760 * 0.05 * 0.125)


def test_totals() -> None:
    whole = plan()
    assert whole.fixed_month == Total(pytest.approx(0.70))
    assert whole.at_load_month == Total(pytest.approx(sum(line.usd or 0 for line in whole.stack.costs)))
    assert whole.forgotten_30_days == Total(pytest.approx(0.70 * 720 / 730))
    assert whole.fixed_hour == Total(pytest.approx(0.70 / 730))


def test_without_a_load_nothing_but_fixed_costs_is_estimated() -> None:
    quiet = plan((LOAD, ""))
    assert not quiet.has_load
    assert {line.basis for line in quiet.stack.costs} == {Basis.MONTH}
    assert quiet.at_load_month == quiet.fixed_month


def test_an_existing_secret_is_neither_created_nor_billed() -> None:
    existing = plan(("env:OPENAI_API_KEY", "team/openai"))
    assert "Secrets Manager: vendors' keys" not in {line.item for line in existing.stack.costs}
    assert not [each for each in existing.stack.resources if "secretsmanager" in each.type]


def test_the_load_is_spread_over_the_models_that_consumers_ask_for() -> None:
    stack = plan(
        (
            "models: [{alias: chat, id: gpt-5.2}]",
            "models: [{alias: chat, id: gpt-5.2}, {alias: b, id: gpt-5.4}, {alias: unused, id: gpt-5.4-pro}]",
        ),
        ("models: [chat]", "models: [chat, b]"),
    ).stack
    assert cost(stack, "Tokens in: chat").quantity == cost(stack, "Tokens in: b").quantity == 4
    assert not [line for line in stack.costs if "unused" in line.item]


def test_every_price_has_a_source_and_a_date() -> None:
    stack = plan().stack
    assert all(line.source and line.as_of for line in stack.costs)
    assert all(price.source and price.as_of for price in stack.token_prices)


def test_a_model_that_is_not_in_the_catalogue_has_no_price() -> None:
    (price,) = plan(("gpt-5.2", "gpt-99")).stack.token_prices
    assert (price.usd_per_mtok_input, price.usd_per_mtok_output, price.as_of) == (None, None, "")


def test_logging_prompts_makes_the_log_larger() -> None:
    plain, verbose = plan(), plan(("  consumers:", "  usage_log: {prompts: true}\n  consumers:"))
    assert cost(plain.stack, "CloudWatch Logs ingestion").quantity == pytest.approx(0.01)
    assert cost(verbose.stack, "CloudWatch Logs ingestion").quantity == pytest.approx(0.01 + 10_000 * 1_100 * 4 / 1e9)


def test_plans_are_equal_if_specs_are() -> None:
    assert plan() == plan()
