"""Sizing of serving: what grows with what, what divides what, who is refused and with which numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sizes import LLAMA_2_7B, LLAMA_8B, LLAMA_70B, MIXTRAL, instance, price, shape, to_serve

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.sizing.contract import ServingNeed
from llmstrat_iac.catalog.sizing.serving import choose_serving, parallel_sizes
from llmstrat_iac.catalog.sizing.serving_memory import cache_bytes, serving_memory
from llmstrat_iac.catalog.sizing.weights import adapter_parameters, weight_bytes

GIB = 2**30


def needed(need: ServingNeed, name: str = "p5.48xlarge", size: int = 1) -> float:
    return serving_memory(need, instance(name), size).needed


def test_the_cheapest_that_fits_comes_first_and_every_type_is_answered_for() -> None:
    choice = choose_serving(to_serve(), price=price)
    usd = [fit.price.usd for fit in choice.fits if fit.price.usd is not None]
    assert choice.best is not None
    assert choice.best.instance.name == "g6e.xlarge"
    assert usd == sorted(usd)
    assert all(fit.memory.headroom >= 0 for fit in choice.fits)
    assert len(choice.fits) + len(choice.rejected) == 57


def test_an_unknown_price_comes_last() -> None:
    choice = choose_serving(to_serve(), price=price)
    known = [fit.price.usd is not None for fit in choice.fits]
    assert not known[-1]
    assert known == sorted(known, reverse=True)


def test_without_any_price_the_order_is_that_of_ec2_where_prices_are_known() -> None:
    known, unknown = (
        choose_serving(to_serve(), price=asked) for asked in (price, lambda _: AwsPrice("hour", None, "", ""))
    )
    assert [fit.instance for fit in unknown.fits] == [fit.instance for fit in known.fits]


def test_tensor_parallel_is_the_smallest_that_fits_and_divides_the_heads() -> None:
    for fit in choose_serving(to_serve("Qwen/Qwen2.5-7B-Instruct"), price=price).fits:
        assert 28 % fit.gpus == 0
    best = choose_serving(to_serve(LLAMA_70B), price=price, candidates=[instance("p5.48xlarge")]).best
    assert best is not None
    assert best.gpus == 4


def test_heads_are_split_evenly_or_copied() -> None:
    assert parallel_sizes(shape(LLAMA_8B), 8) == (1, 2, 4, 8)
    assert parallel_sizes(shape("Qwen/Qwen2.5-7B-Instruct"), 28) == (1, 2, 4, 28)
    assert parallel_sizes(shape("Qwen/Qwen3-14B"), 5) == (1, 2, 4)


@pytest.mark.parametrize(
    ("size", "name", "words"),
    [
        (
            8,
            "p5.48xlarge",
            "tensor_parallel 8 doesn't divide 28 attention heads with 4 key-value heads: 1, 2, 4, 28 do",
        ),
        (4, "g6.xlarge", "tensor_parallel 4 needs as many GPUs; it has 1"),
    ],
)
def test_a_tensor_parallel_size_that_cannot_be_is_refused_with_numbers(size: int, name: str, words: str) -> None:
    need = to_serve("Qwen/Qwen2.5-7B-Instruct", tensor_parallel=size)
    (rejection,) = choose_serving(need, price=price, candidates=[instance(name)]).rejected
    assert rejection.reason == words


def test_what_fits_nowhere_is_refused_with_numbers() -> None:
    choice = choose_serving(
        to_serve("meta-llama/Llama-3.1-405B-Instruct"), price=price, candidates=[instance("g5.48xlarge")]
    )
    (rejection,) = choice.rejected
    assert choice.best is None
    assert rejection.reason == "needs 101.3 GiB on each of 8 GPUs, 20.2 usable: weights 94.5, KV cache 3.9"


def test_no_candidates_are_no_answer() -> None:
    choice = choose_serving(to_serve(), price=price, candidates=())
    assert (choice.fits, choice.rejected, choice.best) == ((), (), None)


@pytest.mark.parametrize("change", [{"context": 16384}, {"concurrency": 16}, {"adapters": 4, "max_rank": 64}])
def test_more_of_anything_needs_more(change: dict[str, Any]) -> None:
    assert needed(to_serve(**change)) > needed(to_serve())


def test_the_cache_is_split_until_there_is_one_head_a_gpu() -> None:
    need, where = to_serve(), instance("p5.48xlarge")
    whole = cache_bytes(need, where, 1)
    assert whole == 8 * 8192 * 131072
    assert cache_bytes(need, where, 8) == whole / 8
    narrow = replace(need, architecture=replace(need.architecture, kv_heads=2))
    assert cache_bytes(narrow, where, 8) == cache_bytes(narrow, where, 2)


def test_grouped_heads_need_a_smaller_cache_than_a_head_for_each_query() -> None:
    where = instance("g6e.xlarge")
    grouped, each = to_serve(LLAMA_8B, context=4096), to_serve(LLAMA_2_7B, context=4096)
    assert cache_bytes(each, where, 1) == 4 * cache_bytes(grouped, where, 1)


def test_a_sliding_window_bounds_the_cache_of_its_layers() -> None:
    where, gemma = instance("g6e.xlarge"), "google/gemma-3-27b-it"
    short, long = to_serve(gemma, context=2048), to_serve(gemma, context=65536)
    assert cache_bytes(long, where, 1) < 12 * cache_bytes(short, where, 1)
    plain = replace(long, architecture=replace(long.architecture, sliding_window=None, sliding_window_layers=0))
    assert cache_bytes(plain, where, 1) == 32 * cache_bytes(replace(plain, context=2048), where, 1)


def test_every_expert_is_loaded() -> None:
    assert weight_bytes(shape(MIXTRAL), "none") == pytest.approx(2 * 46.7e9, rel=0.001)


def test_quantizers_leave_the_embeddings_alone() -> None:
    llama = shape(LLAMA_8B)
    embeddings, blocks = 2 * llama.embedding_parameters, llama.block_parameters
    assert weight_bytes(llama, "fp8") == pytest.approx(embeddings + blocks, rel=1e-3)
    assert weight_bytes(llama, "awq") == pytest.approx(embeddings + blocks * 0.5195, rel=1e-3)
    order = [weight_bytes(llama, form) for form in ("awq", "bitsandbytes", "fp8", "none")]
    assert order == sorted(order)


def test_experts_published_in_mxfp4_stay_so() -> None:
    need = to_serve("openai/gpt-oss-20b")
    assert weight_bytes(need.architecture, "none") < 0.4 * 2 * need.architecture.parameters
    (rejection,) = choose_serving(
        replace(need, quantization="fp8"), price=price, candidates=[instance("p5.4xlarge")]
    ).rejected
    assert "mxfp4" in rejection.reason


@pytest.mark.parametrize(
    ("hub_id", "name", "words"),
    [
        (LLAMA_8B, "p3.2xlarge", "the images' CUDA 13 needs compute capability 7.5; NVIDIA V100 SXM2 has 7.0"),
        ("openai/gpt-oss-20b", "g4dn.xlarge", "mxfp4 needs compute capability 8.0; NVIDIA T4 has 7.5"),
        ("google/gemma-2-2b-it", "g4dn.xlarge", "the model overflows in float16, and NVIDIA T4 has no bfloat16"),
    ],
)
def test_gpus_that_cannot_run_it_are_refused(hub_id: str, name: str, words: str) -> None:
    need = to_serve(hub_id, context=1024, concurrency=1)
    (rejection,) = choose_serving(need, price=price, candidates=[instance(name)]).rejected
    assert rejection.reason == words


def test_adapters_take_slots_of_the_largest_rank() -> None:
    one = adapter_parameters(shape(LLAMA_8B), 16)
    assert one == 41_943_040  # what PEFT prints for rank 16 on all linear modules of Llama 3.1 8B
    parts = dict(serving_memory(to_serve(adapters=3, max_rank=16), instance("g6e.xlarge"), 1).parts)
    assert parts["LoRA slots"] == pytest.approx(3 * one * 2 / GIB)
