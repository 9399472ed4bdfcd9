"""Which GPU instance types serve an open model with vLLM: memory of each GPU in parts, the cheapest that fits."""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.instances import InstanceType, instances
from llmstrat_iac.catalog.sizing.contract import Choice, Fit, Lack, Price, Rejection, ServingNeed
from llmstrat_iac.catalog.sizing.ranking import ranked, shortfall
from llmstrat_iac.catalog.sizing.serving_memory import serving_memory

OLDEST_CUDA = 7.5
"""CUDA 13, which the images have, dropped Volta (NVIDIA CUDA 13.0 release notes)."""
OLDEST = {"mxfp4": 8.0, "fp8": 7.5, "awq": 7.5, "gptq": 7.5, "bitsandbytes": 7.5}
"""Compute capability that vLLM 0.27.1 asks for (`get_min_capability`); below 8.9 fp8 saves memory, not time."""


def choose_serving(need: ServingNeed, *, price: Price, candidates: Iterable[InstanceType] | None = None) -> Choice:
    """Every instance type (or every candidate) with its memory and price, or why it doesn't fit."""
    looked_at = instances() if candidates is None else candidates
    return ranked(_answer(need, instance, price) for instance in looked_at)


def parallel_sizes(shape: Architecture, most: int) -> tuple[int, ...]:
    """Tensor-parallel sizes up to `most`: they divide the attention heads, and key-value heads or the other way."""
    return tuple(
        size
        for size in range(1, most + 1)
        if shape.attention_heads % size == 0 and (shape.kv_heads % size == 0 or size % shape.kv_heads == 0)
    )


def _answer(need: ServingNeed, instance: InstanceType, price: Price) -> Fit | Rejection:
    usd = price(instance)
    if (wrong := _wrong(need, instance)) is not None:
        lacks, reason = wrong
        return Rejection(instance, reason, usd, lacks)
    sizes = (
        (need.tensor_parallel,) if need.tensor_parallel else parallel_sizes(need.architecture, instance.accelerators)
    )
    for size in sizes:
        memory = serving_memory(need, instance, size)
        if memory.headroom >= 0:
            return Fit(instance, size, memory, usd)
    return Rejection(instance, shortfall(memory, size), usd)


def _wrong(need: ServingNeed, instance: InstanceType) -> tuple[Lack, str] | None:
    """What excludes the type, however much memory it has."""
    if need.architecture.published_format == "mxfp4" and need.quantization != "none":
        return "format", f"the weights are published in mxfp4: {need.quantization} can't be applied to them"
    if unable := _unable(need, instance):
        return "kind of GPU", unable
    if indivisible := _indivisible(need, instance):
        return "number of GPUs", indivisible
    return None


def _unable(need: ServingNeed, instance: InstanceType) -> str:
    shape, capability = need.architecture, instance.compute_capability
    if capability < OLDEST_CUDA:
        return f"the images' CUDA 13 needs compute capability {OLDEST_CUDA}; {instance.accelerator} has {capability}"
    form = "mxfp4" if shape.published_format == "mxfp4" else need.quantization
    if capability < OLDEST.get(form, 0):
        return f"{form} needs compute capability {OLDEST[form]}; {instance.accelerator} has {capability}"
    if not shape.float16 and instance.sixteen_bit == "float16":
        return f"the model overflows in float16, and {instance.accelerator} has no bfloat16"
    return ""


def _indivisible(need: ServingNeed, instance: InstanceType) -> str:
    wanted, shape = need.tensor_parallel, need.architecture
    if wanted is None:
        return ""
    if wanted > instance.accelerators:
        return f"tensor_parallel {wanted} needs as many GPUs; it has {instance.accelerators}"
    possible = parallel_sizes(shape, shape.attention_heads)
    if wanted not in possible:
        heads = f"{shape.attention_heads} attention heads with {shape.kv_heads} key-value heads"
        return f"tensor_parallel {wanted} doesn't divide {heads}: {', '.join(map(str, possible))} do"
    return ""
