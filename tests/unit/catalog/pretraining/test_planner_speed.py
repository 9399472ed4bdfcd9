"""A step's time: what each kind of parallelism costs, and what hides behind computing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from run_kit import instance, plan, run

from llmstrat_iac.catalog.pretraining.accelerators import training_gpu
from llmstrat_iac.catalog.pretraining.contract import Degrees
from llmstrat_iac.catalog.pretraining.speed import Step, step_time
from llmstrat_iac.catalog.pretraining.workload import workload

SHARDED = Degrees(1, 64, 1, 1, 1, "selective")


def step(degrees: Degrees = SHARDED, *, on: str = "p5.48xlarge", micro: int = 1, **changes: Any) -> Step:
    where = instance(on)
    gpu = training_gpu(where)
    assert gpu is not None
    return step_time(workload(run(**changes)), degrees, where, gpu, micro_batch=micro)


def test_fp8_and_compiling_are_faster() -> None:
    assert step(precision="fp8").compute < step().compute < step(compile=False).compute


def test_recomputing_takes_longer() -> None:
    times = [step(replace(SHARDED, activations=kind)).compute for kind in ("keep", "selective", "full")]
    assert times == sorted(times)
    assert 1.25 < times[2] / times[0] < 4 / 3


def test_a_narrow_network_shows() -> None:
    wide, narrow = step(on="p4de.24xlarge"), step(on="p4de.24xlarge", micro=4)
    assert narrow.sharding < wide.sharding
    slow = replace(instance("p4de.24xlarge"), network_gbps=25)
    gpu = training_gpu(slow)
    assert gpu is not None
    assert step_time(workload(run()), SHARDED, slow, gpu, micro_batch=1).sharding > 5 * wide.sharding


def test_one_node_needs_no_network() -> None:
    alone = Degrees(1, 8, 1, 1, 1, "selective")
    gpu = training_gpu(instance("p5.48xlarge"))
    assert gpu is not None
    cut_off = replace(instance("p5.48xlarge"), network_gbps=0.001)
    asked = workload(run())
    assert step_time(asked, alone, cut_off, gpu, micro_batch=1) == step_time(
        asked, alone, instance("p5.48xlarge"), gpu, micro_batch=1
    )


def test_tensor_parallelism_waits_for_its_links() -> None:
    assert step().tensor == 0
    assert step(Degrees(1, 8, 8, 1, 1, "selective")).tensor > step(Degrees(1, 32, 2, 1, 1, "selective")).tensor > 0


def test_interleaving_shrinks_the_bubble() -> None:
    """126 layers, embedding and output layer make 16 even stages, and 64."""
    staged, shape = Degrees(1, 8, 8, 16, 1, "selective"), run("llama-405b").architecture
    assert step().bubble == 0
    interleaved = step(replace(staged, interleaved=4), architecture=shape)
    assert interleaved.bubble == pytest.approx(step(staged, architecture=shape).bubble / 4, rel=0.02)


def test_interleaved_stages_are_gathered_ahead_but_more_than_three_again() -> None:
    """PyTorch keeps three of a GPU's stages gathered (`_add_unshard_reshard`)."""
    slow = replace(instance("p5.48xlarge"), network_gbps=400)
    gpu = training_gpu(slow)
    assert gpu is not None
    work = workload(run("llama-405b", batch_sequences=2048))
    sharding = {
        stages: step_time(work, Degrees(1, 32, 8, 8, 1, "full", stages), slow, gpu, micro_batch=1).sharding
        for stages in (1, 2, 4, 8)
    }
    assert sharding[2] < sharding[1]
    assert sharding[2] < sharding[4]
    assert sharding[4] == pytest.approx(sharding[8], rel=0.2)


def test_more_nodes_are_faster_but_not_so_much() -> None:
    few, many = plan(run(), nodes=4), plan(run(), nodes=64)
    gain = many.tokens_per_second.likely / few.tokens_per_second.likely
    assert 8 < gain < 16
    assert many.mfu.likely < few.mfu.likely


@pytest.mark.parametrize("name", ["days", "mfu", "tokens_per_second", "tflops_per_gpu", "usd", "failures", "lost_days"])
def test_every_estimate_is_between_its_bounds(name: str) -> None:
    span = getattr(plan(run()), name)
    assert 0 < span.low < span.likely < span.high
