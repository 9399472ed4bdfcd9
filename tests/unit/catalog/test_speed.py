"""Speed and money: what makes it faster, what it costs, and that unknown stays unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sizes import LLAMA_8B, MIXTRAL, instance, price, to_serve, to_train

from llmstrat_iac.catalog.sizing.contract import Fit
from llmstrat_iac.catalog.sizing.serving import choose_serving
from llmstrat_iac.catalog.sizing.speed import (
    Range,
    prefill_tokens_per_second,
    serving_tokens_per_second,
    training_hours,
    training_tokens_per_second,
    usd_per_million_tokens,
)
from llmstrat_iac.catalog.sizing.training import choose_training


def served_on(name: str) -> Fit:
    fit = choose_serving(to_serve(), price=price, candidates=[instance(name)]).best
    assert fit is not None
    return fit


def trained_on(name: str, method: str = "lora") -> Fit:
    fit = choose_training(to_train(method=method), price=price, candidates=[instance(name)]).best
    assert fit is not None
    return fit


def answers(concurrency: int, **changes: int) -> float:
    speed = serving_tokens_per_second(to_serve(), served_on("g6e.xlarge"), concurrency=concurrency, **changes)
    assert speed is not None
    assert 0 < speed.low < speed.high
    return speed.high


def test_more_at_once_is_faster_in_all_but_not_each() -> None:
    assert answers(1) < answers(8) < 8 * answers(1)


def test_longer_prompts_leave_less_time_for_answers() -> None:
    assert answers(8, input_tokens=6000, output_tokens=200) < answers(8, input_tokens=200, output_tokens=200)


def test_one_sequence_reads_only_the_experts_that_it_meets() -> None:
    need, fit = to_serve(MIXTRAL), replace(served_on("p5.48xlarge"), gpus=2)
    sparse = serving_tokens_per_second(need, fit, concurrency=1, input_tokens=1)
    shape = replace(need.architecture, experts_per_token=8)
    dense = serving_tokens_per_second(replace(need, architecture=shape), fit, concurrency=1, input_tokens=1)
    assert sparse is not None
    assert dense is not None
    assert sparse.low > 3 * dense.low


def test_a_gpu_of_unknown_speed_has_none() -> None:
    fit = served_on("g7e.2xlarge")
    assert serving_tokens_per_second(to_serve(), fit) is None
    assert prefill_tokens_per_second(to_serve(), fit) is None
    assert training_hours(to_train(), fit, tokens=1e6) is None


def test_hours_go_with_the_tokens_and_full_takes_longer() -> None:
    fit = trained_on("p5.48xlarge")
    once = training_hours(to_train(method="lora"), fit, tokens=1e8)
    thrice = training_hours(to_train(method="lora"), fit, tokens=3e8)
    full = training_hours(to_train(method="full"), fit, tokens=1e8)
    assert once is not None
    assert thrice is not None
    assert full is not None
    assert thrice.high == pytest.approx(3 * once.high)
    assert full.low > once.low


def test_weights_gathered_over_pcie_may_halve_the_speed() -> None:
    sharded = trained_on("g6e.12xlarge", "full")
    assert sharded.sharded
    slow = training_tokens_per_second(to_train(method="full"), sharded)
    fast = training_tokens_per_second(to_train(method="full"), replace(sharded, sharded=False))
    assert slow is not None
    assert fast is not None
    assert slow.low == fast.low / 2
    assert slow.high == fast.high


def test_a_million_tokens_cost_what_the_hour_does_for_as_long() -> None:
    assert usd_per_million_tokens(3.6, Range(100, 1000)) == Range(1.0, 10.0)


def test_speed_is_of_the_named_model() -> None:
    small = serving_tokens_per_second(to_serve("meta-llama/Llama-3.2-1B"), served_on("g6e.xlarge"))
    large = serving_tokens_per_second(to_serve(LLAMA_8B), served_on("g6e.xlarge"))
    assert small is not None
    assert large is not None
    assert small.low > large.high
