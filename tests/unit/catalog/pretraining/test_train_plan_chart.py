"""The scales of `train-plan`'s plots begin and end at round numbers, whatever the values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from run_kit import plan, run

from llmstrat_iac.catalog.pretraining.contract import Span
from llmstrat_iac.cli.train_plan_chart import Series, scales


@pytest.mark.parametrize("value", [1.0, 1.99, 4.95, 9.81, 9.99, 98.5, 99_000.0])
def test_a_scale_ends_beyond_its_largest_value(value: float) -> None:
    span = Span(value, value, value)
    days, usd = scales([Series("p5.48xlarge", (replace(plan(run()), days=span, usd=span),))])
    for scale in (days, usd):
        assert scale.low <= value < scale.high
        assert 0 <= scale.place(value) < 1
