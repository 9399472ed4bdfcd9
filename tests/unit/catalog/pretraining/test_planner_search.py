"""The search: deadlines and budgets, refusals with numbers, divisions that add up, and its speed at any size."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from run_kit import bloomberg, find, instance, plan, refusal, run

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.pretraining.contract import Degrees, Wish
from llmstrat_iac.catalog.pretraining.layouts import layers_per_stage, layouts
from llmstrat_iac.catalog.pretraining.search import DEFAULT_DEADLINE_DAYS, search


def test_a_deadline_gets_the_cheapest_that_keeps_it() -> None:
    found = find(run(), deadline_days=10)
    assert found.best is not None
    assert found.best.usd is not None
    assert found.best.days.likely <= 10
    in_time = [each for each in found.alternatives if each.days.likely <= 10 and each.usd is not None]
    assert found.best.usd.likely == min(each.usd.likely for each in in_time if each.usd is not None)


def test_a_budget_gets_the_fastest_within_it() -> None:
    found = find(run(), budget_usd=400_000)
    assert found.best is not None
    assert found.best.usd is not None
    assert found.best.usd.likely <= 400_000
    payable = [each for each in found.alternatives if each.usd is not None and each.usd.likely <= 400_000]
    assert found.best.days.likely == min(each.days.likely for each in payable)


def test_a_tighter_deadline_needs_more_nodes() -> None:
    nodes = []
    for days in (30, 10, 3):
        best = find(run(), on="p5.48xlarge", deadline_days=days).best
        assert best is not None
        nodes.append(best.nodes)
    assert nodes == sorted(nodes)
    assert nodes[0] < nodes[2]


def test_nothing_said_means_within_thirty_days() -> None:
    best = find(bloomberg()).best
    assert best is not None
    assert best.days.likely <= DEFAULT_DEADLINE_DAYS


def test_what_cannot_be_kept_is_refused_with_numbers() -> None:
    late = find(run("llama-405b", tokens=15 * 10**12), on="p4d.24xlarge", deadline_days=5)
    assert late.best is None
    assert "; the deadline is 5.0" in late.refused[0].reason
    dear = find(run(), on="p5.48xlarge", nodes=8, budget_usd=1000)
    assert dear.best is None
    assert "; the budget is 1,000" in dear.refused[0].reason
    assert dear.alternatives


@pytest.mark.parametrize(
    ("changes", "on", "nodes", "told"),
    [
        ({"degrees": Degrees(1, 0, 3, 1, 1, "full")}, "p5.48xlarge", 3, "32 attention heads and 8 key-value heads"),
        ({"degrees": Degrees(1, 0, 16, 1, 1, "full")}, "p5.48xlarge", 8, "more than the 8 GPUs of a node"),
        ({"degrees": Degrees(2, 8, 1, 1, 1, "full")}, "p5.48xlarge", 8, "make 16 GPUs, the cluster has 64"),
        ({"degrees": Degrees(1, 0, 1, 64, 1, "full")}, "p5.48xlarge", 8, "32 layers are fewer than 64 stages"),
        ({"degrees": Degrees(1, 0, 1, 1, 3, "full")}, "p5.48xlarge", 3, "a sequence of 8192 can't be divided by 2 x 3"),
        ({"degrees": Degrees(1, 0, 1, 1, 1, "full")}, "p5.48xlarge", 7, "512 sequences can't be divided over 56"),
        ({"degrees": Degrees(1, 0, 1, 1, 1, "full"), "micro_batch": 3}, "p5.48xlarge", 8, "can't be divided by 3"),
        ({"batch_sequences": 8}, "p5.48xlarge", 3, "8 sequences a step can't be divided over its 24 GPUs"),
        ({}, "g4dn.12xlarge", 1, "has no bfloat16"),
        ({"precision": "fp8"}, "p4d.24xlarge", 8, "fp8 needs compute capability 8.9"),
        ({}, "g6.xlarge", 2, "2 nodes need EFA between them"),
    ],
)
def test_bad_input_is_refused(changes: dict[str, Any], on: str, nodes: int, told: str) -> None:
    assert told in refusal(run(**changes), on=on, nodes=nodes)


def test_a_model_that_does_not_fit_is_refused_with_its_memory() -> None:
    told = refusal(run("llama-405b"), on="p5.48xlarge", nodes=4)
    assert told.startswith("needs ")
    assert "usable: weights, gradients, optimizer" in told


def test_every_division_makes_all_gpus_and_divides_the_batch() -> None:
    for each in find(run("llama-70b", batch_sequences=1024), deadline_days=60).alternatives:
        degrees = each.degrees
        assert degrees.gpus == each.nodes * each.instance.accelerators
        assert 1024 % (degrees.data * each.micro_batch) == 0
        assert 64 % degrees.tensor == 0
        assert degrees.tensor <= each.instance.accelerators
        assert each.memory.headroom >= 0


def test_a_given_division_is_kept_and_the_rest_filled_in() -> None:
    given = plan(run(degrees=Degrees(2, 0, 4, 1, 1, "full"), micro_batch=2), nodes=8)
    assert given.degrees == Degrees(2, 8, 4, 1, 1, "full")
    assert given.micro_batch == 2


def test_an_unknown_price_comes_last_but_can_be_the_only_one() -> None:
    found = find(run(), deadline_days=20)
    unknown = [each.usd is None for each in found.alternatives]
    assert unknown == sorted(unknown)
    alone = search(run(), Wish(None, None), price=lambda _each: AwsPrice("hour", None, "", ""))
    assert alone.best is not None
    assert alone.best.usd is None


def test_unasked_only_types_with_a_fast_network_get_several_nodes() -> None:
    assert {
        each.nodes for each in find(run("llama-1b"), deadline_days=60).alternatives if each.instance.family == "g5"
    } <= {1}
    asked = find(run("llama-1b"), on="g5.48xlarge", deadline_days=30)
    assert max(each.nodes for each in asked.alternatives) > 1


def test_a_slower_file_system_costs_days_in_failures() -> None:
    quick, slow = plan(run("llama-70b"), nodes=64, storage_gb_s=50), plan(run("llama-70b"), nodes=64, storage_gb_s=0.5)
    assert slow.lost_days.likely > quick.lost_days.likely


@pytest.mark.parametrize("preset", ["llama-1b", "bloomberggpt-50b", "llama-405b"])
def test_the_open_search_answers_in_time(preset: str) -> None:
    asked = run(preset, batch_sequences=2048)
    start = time.process_time()
    found = find(asked, deadline_days=60)
    assert time.process_time() - start < 2
    assert max(each.nodes for each in found.alternatives) >= 1000


def test_thousands_of_nodes_are_as_quick_as_two() -> None:
    asked = run("llama-70b", batch_sequences=16_384)
    seconds = []
    for nodes in (8, 2048):
        start = time.process_time()
        assert find(replace(asked), on="p5.48xlarge", nodes=nodes).best is not None
        seconds.append(time.process_time() - start)
    assert seconds[1] < 0.5


def test_the_plan_names_what_it_rests_on() -> None:
    told = " ".join(plan(run()).assumptions)
    for source in ("arXiv:2407.21783", "arXiv:2204.02311", "torchtitan 0.3.0", "USD an hour"):
        assert source in told
    assert instance("p5.48xlarge").name


@pytest.mark.parametrize(("layers", "pipeline"), [(126, 16), (80, 8), (70, 9), (32, 8), (32, 4)])
def test_interleaved_stages_come_out_as_the_trainer_counts_them(layers: int, pipeline: int) -> None:
    """torchtitan 0.3.0 takes layers a stage, and refuses what doesn't make a multiple of the pipeline's GPUs."""
    shape = replace(run().architecture, layers=layers)
    given = Degrees(1, 0, 1, pipeline, 1, "full")
    asked = run(architecture=shape, degrees=given, batch_sequences=9 * 1024, micro_batch=1)
    tried = [each for alike in layouts(asked, instance("p5.48xlarge"), 8 * pipeline) for each in alike]
    assert {each.interleaved for each in tried} >= {1, 2}
    for each in tried:
        told = layers_per_stage(asked, each)
        assert (told is None) == (each.interleaved <= 2)
        if told is not None:
            assert -(-(layers + 2) // told) == pipeline * each.interleaved
