"""What a GPU holds: counted parts, what sharding and recomputation save, pipelines' ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from run_kit import instance, run

from llmstrat_iac.catalog.pretraining.contract import Degrees
from llmstrat_iac.catalog.pretraining.memory import gpu_memory
from llmstrat_iac.catalog.pretraining.workload import model_flops_per_token, workload
from llmstrat_iac.catalog.sizing.contract import Memory

GIB = 2**30
WHOLE = Degrees(1, 64, 1, 1, 1, "selective")


def memory(degrees: Degrees = WHOLE, *, preset: str = "llama-8b", micro: int = 1, count: int = 8) -> Memory:
    return gpu_memory(workload(run(preset)), degrees, instance("p5.48xlarge"), micro_batch=micro, micro_batches=count)


def part(name: str, degrees: Degrees = WHOLE, *, micro: int = 1) -> float:
    return dict(memory(degrees, micro=micro).parts)[name]


def test_states_are_sixteen_bytes_a_parameter_over_all_that_shard() -> None:
    states = part("weights, gradients, optimizer")
    assert states == pytest.approx(16 * 8_030_261_248 / 64 / GIB, rel=0.01)
    hybrid = part("weights, gradients, optimizer", replace(WHOLE, data_replicate=8, data_shard=8))
    assert hybrid == pytest.approx(8 * states)
    sequence = part("weights, gradients, optimizer", replace(WHOLE, data_shard=32, context=2))
    assert sequence == pytest.approx(states)


def test_each_kind_of_recomputation_keeps_less() -> None:
    kept = [part("activations", replace(WHOLE, activations=kind)) for kind in ("keep", "selective", "full")]
    assert kept == sorted(kept, reverse=True)
    assert kept[2] == pytest.approx(8192 * 32 * 2 * 4096 / GIB)


def test_activations_grow_with_the_micro_batch_and_shrink_with_tensor_and_context() -> None:
    once = part("activations")
    assert part("activations", micro=4) == pytest.approx(4 * once)
    assert part("activations", replace(WHOLE, tensor=4)) == pytest.approx(once / 4)
    assert part("activations", replace(WHOLE, context=4)) == pytest.approx(once / 4)


def test_the_first_stage_holds_a_micro_batch_for_each_stage() -> None:
    """Two stages of 17 layers, with two micro batches in flight, hold more activations than one GPU has of 32."""
    staged = replace(WHOLE, data_shard=32, pipeline=2)
    assert part("activations", staged) == pytest.approx(part("activations") * 2 * 17 / 32)
    assert part("gathered layers", staged) > part("gathered layers")


def test_parts_add_up_and_headroom_is_what_is_left() -> None:
    shown = memory(micro=2)
    assert sum(gib for _, gib in shown.parts) == pytest.approx(shown.needed)
    assert shown.headroom == pytest.approx(instance("p5.48xlarge").cuda_gib - shown.needed)


def test_operations_are_counted_as_in_publications() -> None:
    """torchtitan and others: 6 N + 12 l q s, N without the input embedding."""
    shape = run().architecture
    matrices = shape.parameters - 128_256 * 4096
    assert model_flops_per_token(shape, 8192) == pytest.approx(6 * matrices + 12 * 32 * 4096 * 8192, rel=1e-6)


def test_only_active_experts_are_computed() -> None:
    mixture = run("mistralai/Mixtral-8x7B-v0.1").architecture
    assert model_flops_per_token(mixture, 4096) < 6 * 0.35 * mixture.parameters


def test_a_sliding_window_bounds_attention() -> None:
    sliding = replace(run().architecture, sliding_window=1024, sliding_window_layers=32)
    assert model_flops_per_token(sliding, 8192) == model_flops_per_token(sliding, 1024)
