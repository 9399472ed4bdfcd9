"""Mixtures of experts: what dividing a layer's experts among ranks saves and costs, and when it is chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from run_kit import find, instance, run

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.pretraining.accelerators import training_gpu
from llmstrat_iac.catalog.pretraining.contract import Degrees, Run
from llmstrat_iac.catalog.pretraining.engines import TORCHTITAN
from llmstrat_iac.catalog.pretraining.layouts import layouts
from llmstrat_iac.catalog.pretraining.memory import gpu_memory, least
from llmstrat_iac.catalog.pretraining.speed import Step, step_time
from llmstrat_iac.catalog.pretraining.workload import workload
from llmstrat_iac.cli.render_train_plan import degrees_text

MIXTURE = Architecture(48, 4096, 32, 8, 128, 1536, 128_256, 8192, experts=128, experts_per_token=8)
SHARDED = Degrees(1, 256, 1, 1, 1, "full")
DIVIDED = replace(SHARDED, expert=8)


def mixture(**changes: Any) -> Run:
    return run(architecture=MIXTURE, batch_sequences=1024, sequence_length=4096, **changes)


def step(degrees: Degrees, *, network: float = 3200, **changes: Any) -> Step:
    where = replace(instance("p5.48xlarge"), network_gbps=network)
    gpu = training_gpu(where)
    assert gpu is not None
    return step_time(workload(mixture(**changes)), degrees, where, gpu, micro_batch=1)


def test_tokens_travel_instead_of_parameters() -> None:
    whole, divided = step(SHARDED), step(DIVIDED)
    assert whole.experts == 0 < divided.experts
    assert divided.compute == whole.compute
    # Over the ranks of a node: each node still takes in all experts, each GPU an eighth of them.
    assert divided.sharding == pytest.approx(whole.sharding, rel=0.1)
    assert step(replace(SHARDED, expert=64)).sharding < divided.sharding / 2


def test_beyond_the_node_tokens_wait_for_the_network() -> None:
    far = replace(SHARDED, expert=64)
    assert step(far, network=400).experts == pytest.approx(8 * step(far).experts)
    assert step(DIVIDED, network=400).experts == step(DIVIDED).experts


def test_a_gpu_gathers_its_own_experts_only() -> None:
    work = workload(mixture())
    whole, divided = (
        dict(gpu_memory(work, degrees, instance("p5.48xlarge"), micro_batch=1, micro_batches=4).parts)
        for degrees in (SHARDED, DIVIDED)
    )
    assert divided["gathered layers"] < whole["gathered layers"] / 3
    assert divided["weights, gradients, optimizer"] == whole["weights, gradients, optimizer"]


@pytest.mark.parametrize("degrees", [SHARDED, DIVIDED, Degrees(1, 16, 2, 8, 1, "full", 1, 8)])
def test_the_least_is_never_more_than_what_is_needed(degrees: Degrees) -> None:
    work = workload(mixture())
    needed = gpu_memory(work, degrees, instance("p5.48xlarge"), micro_batch=1, micro_batches=64)
    assert 0 < least(work, degrees) <= needed.needed * 2**30


def test_the_search_divides_experts_where_that_is_faster_and_says_so() -> None:
    scout = run("meta-llama/Llama-4-Scout-17B-16E-Instruct")
    best = find(scout, on="p5.48xlarge", nodes=64).best
    unable = find(replace(scout, engine=replace(TORCHTITAN, divides_experts=False)), on="p5.48xlarge", nodes=64).best
    assert best is not None
    assert unable is not None
    assert best.degrees.expert > 1 == unable.degrees.expert
    assert f"ep {best.degrees.expert}" in degrees_text(best.degrees)
    assert best.days.likely < unable.days.likely


def test_experts_and_ranks_are_divided_evenly_and_dense_models_not_at_all() -> None:
    tried = [each for alike in layouts(mixture(), instance("p5.48xlarge"), 256) for each in alike]
    assert {1, 8, 64} <= {each.expert for each in tried}
    assert all(128 % each.expert == 0 == each.data_shard % each.expert for each in tried)
    dense = [each for alike in layouts(run(), instance("p5.48xlarge"), 256) for each in alike]
    assert {each.expert for each in dense} == {1}
