"""Sizing of training: methods, lengths, batches, sharding, and the instance's own memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sizes import LLAMA_8B, LLAMA_70B, MIXTRAL, instance, price, shape, to_train

from llmstrat_iac.catalog.sizing.contract import Fit, TrainingNeed
from llmstrat_iac.catalog.sizing.training import choose_training
from llmstrat_iac.catalog.sizing.training_memory import training_memory
from llmstrat_iac.catalog.sizing.weights import adapter_parameters

GIB = 2**30


def best(need: TrainingNeed, *names: str) -> Fit | None:
    return choose_training(need, price=price, candidates=[instance(name) for name in names] or None).best


def reason(need: TrainingNeed, name: str) -> str:
    (rejection,) = choose_training(need, price=price, candidates=[instance(name)]).rejected
    return rejection.reason


def needed(need: TrainingNeed, *, gpus: int = 1, sharded: bool = False) -> float:
    where = instance("p5.48xlarge")
    return training_memory(need, where, gpus=gpus, micro_batch_size=1, sharded=sharded).needed


def test_each_method_needs_more_than_the_one_before() -> None:
    amounts = [needed(to_train(method=method)) for method in ("qlora", "lora", "full")]
    assert amounts == sorted(amounts)
    assert amounts[2] > 16 * shape(LLAMA_8B).parameters / GIB


def test_four_bit_weights_leave_the_embeddings_in_sixteen() -> None:
    weights = dict(training_memory(to_train(), instance("g6.xlarge"), gpus=1, micro_batch_size=1, sharded=False).parts)
    assert weights["weights"] == pytest.approx(5.31, abs=0.02)


def test_experts_stay_in_sixteen_bits() -> None:
    mixtral = shape(MIXTRAL)
    weights = dict(
        training_memory(to_train(MIXTRAL), instance("p5.48xlarge"), gpus=1, micro_batch_size=1, sharded=False).parts
    )
    assert 2 * mixtral.expert_parameters / GIB < weights["weights"] < 2 * mixtral.parameters / GIB
    assert best(to_train(MIXTRAL), "g6e.xlarge") is None


def test_weights_in_mxfp4_are_loaded_in_no_other_four_bits() -> None:
    assert "published in mxfp4" in reason(to_train("openai/gpt-oss-20b"), "p5.48xlarge")
    assert best(to_train("openai/gpt-oss-20b", "lora"), "g6e.xlarge") is not None


@pytest.mark.parametrize("change", [{"max_length": 4096}, {"rank": 256}, {"pairs": True}])
def test_more_of_anything_needs_more(change: dict[str, Any]) -> None:
    assert needed(to_train(**change)) > needed(to_train())


def test_a_reference_model_is_a_second_copy() -> None:
    need, where = to_train(method="full", pairs=True, reference_model=True), instance("p5.48xlarge")
    parts = dict(training_memory(need, where, gpus=1, micro_batch_size=1, sharded=False).parts)
    assert parts["reference model"] == pytest.approx(2 * shape(LLAMA_8B).parameters / GIB)


def test_adapters_of_named_modules_are_smaller() -> None:
    llama = shape(LLAMA_8B)
    assert adapter_parameters(llama, 16, ("q_proj", "v_proj")) == 6_815_744  # as PEFT prints for these two
    assert adapter_parameters(llama, 32) == 2 * adapter_parameters(llama, 16)


def test_experts_get_no_adapter() -> None:
    assert {len(str(int(adapter_parameters(shape(MIXTRAL), 16))))} == {8}  # 13.6 million, not 200


@pytest.mark.parametrize(("batch", "most"), [(None, 8), (16, 8), (4, 4), (6, 2), (1, 1)])
def test_the_micro_batch_is_the_largest_power_of_two_that_fits_and_divides(batch: int | None, most: int) -> None:
    fit = best(to_train(batch_size=batch), "p5.4xlarge")
    assert fit is not None
    assert fit.micro_batch_size == most


def test_a_micro_batch_shrinks_until_it_fits() -> None:
    fit = best(to_train(method="lora"), "g6.xlarge")
    assert fit is not None
    assert fit.micro_batch_size < 8
    stated = to_train(method="lora", micro_batch_size=8)
    assert reason(stated, "g6.xlarge").endswith("; 8 at once")


def test_a_batch_that_cannot_be_split_over_the_gpus_is_refused() -> None:
    assert reason(to_train(batch_size=4), "g5.48xlarge") == "a batch of 4 can't be split evenly over its 8 GPUs"


def test_all_gpus_are_used_each_with_a_copy_if_that_fits() -> None:
    fit = best(to_train(), "g6.12xlarge")
    assert fit is not None
    assert (fit.gpus, fit.sharded) == (4, False)


def test_a_model_that_no_gpu_holds_is_split() -> None:
    fit = best(to_train(LLAMA_70B), "g6.48xlarge")
    assert fit is not None
    assert (fit.gpus, fit.sharded) == (8, True)


def test_all_weights_are_trained_split_over_several_gpus_in_32_bits() -> None:
    fit = best(to_train(method="full"), "g6e.12xlarge")
    assert fit is not None
    assert fit.sharded
    parts = dict(fit.memory.parts)
    states = parts["weights and optimizer"] + parts["gradients"]
    assert states == pytest.approx(16 * shape(LLAMA_8B).parameters / 4 / GIB)


def test_what_fits_nowhere_is_refused_with_numbers() -> None:
    words = reason(to_train("meta-llama/Llama-3.1-405B", "full"), "p5.48xlarge")
    assert words.startswith("needs 8")
    assert "on each of 8 GPUs, 79.1 usable: weights and optimizer 567.0, gradients 189.0; 1 at once" in words


def test_turing_trains_no_qlora_but_lora() -> None:
    assert "bfloat16" in reason(to_train("meta-llama/Llama-3.2-1B"), "g4dn.xlarge")
    assert best(to_train("meta-llama/Llama-3.2-1B", "lora"), "g4dn.xlarge") is not None


def test_the_instances_own_memory_counts() -> None:
    small = replace(instance("g6e.12xlarge"), memory_gib=64)
    choice = choose_training(to_train(method="full"), price=price, candidates=[small])
    (rejection,) = choice.rejected
    assert rejection.reason == "loads and saves by way of 96 GiB of the instance's own memory; it has 64"
