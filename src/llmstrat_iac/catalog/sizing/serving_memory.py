"""What one GPU holds while vLLM serves a model: weights, cache, adapters, activations, graphs, runtime.

Checked against what vLLM 0.17 to 0.19 reports at its start (`docs/sizing.md`); the images have 0.27.
"""

from __future__ import annotations

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.sizing.contract import Memory, ServingNeed
from llmstrat_iac.catalog.sizing.weights import adapter_parameters, weight_bytes

GIB = 2**30
UTILIZATION = 0.92
"""Share of a GPU's memory that vLLM takes, its default since 0.22 (`gpu_memory_utilization`)."""
MOST_SEQUENCES = 1024

_BLOCK = 16
"""Tokens a block of the cache (vLLM's default)."""
_SAMPLER_BYTES = 15.5
"""Of each logit while the sampler is profiled: measured 14.8 to 16 on 12 models with vLLM 0.19, before 0.17 38."""
_RUNTIME_GIB = 0.27
_RUNTIME_PARALLEL_GIB = 0.6
_RUNTIME_FUSED_GIB = 2.1
"""What CUDA, and with several GPUs NCCL, take outside of PyTorch: 0.24-0.27 measured, 0.2-0.55 with several, but 2.1 on
H100, where vLLM fuses the all-reduce with the norm after it (`fuse_allreduce_rms`, from compute capability 9.0)."""


def max_sequences(concurrency: int) -> int:
    """`--max-num-seqs` for a stated concurrency: most sequences are shorter than the longest, so more of them fit."""
    return min(MOST_SEQUENCES, 4 * concurrency)


def serving_memory(
    need: ServingNeed, instance: InstanceType, tensor_parallel: int, *, sequences: int | None = None
) -> Memory:
    """GiB of each GPU; `sequences` is vLLM's `max_num_seqs`, `max_sequences` of the concurrency if not given."""
    shape = need.architecture
    at_once = sequences or max_sequences(need.concurrency)
    adapters = need.adapters * adapter_parameters(shape, need.max_rank, split=tensor_parallel) * 2
    parts = {
        "weights": weight_bytes(shape, need.quantization, tensor_parallel),
        "KV cache": cache_bytes(need, instance, tensor_parallel),
        "LoRA slots": adapters,
        "activations": activation_bytes(shape, instance, tensor_parallel, at_once),
        "CUDA graphs": graph_bytes(shape),
        "CUDA and NCCL": _runtime_gib(instance, tensor_parallel) * GIB,
    }
    return Memory(
        parts=tuple((name, size / GIB) for name, size in parts.items() if size),
        available=UTILIZATION * instance.cuda_gib,
    )


def cache_bytes(need: ServingNeed, instance: InstanceType, tensor_parallel: int) -> float:
    """Keys and values of `concurrency` sequences of `context` tokens on each GPU.

    Heads are split, but copied if there are more GPUs than heads. A layer with a sliding window keeps the window and
    what is prefilled at once (vLLM's hybrid cache manager, vllm/v1/core/single_type_kv_cache_manager.py).
    """
    shape = need.architecture
    share = max(1 / tensor_parallel, 1 / shape.kv_heads)
    tokens = (shape.layers - shape.sliding_window_layers) * _blocks(need.context)
    if shape.sliding_window_layers and shape.sliding_window:
        seen = min(need.context, shape.sliding_window + batched_tokens(instance))
        tokens += shape.sliding_window_layers * _blocks(seen)
    return need.concurrency * tokens * shape.kv_bytes_per_token_and_layer * share


def activation_bytes(shape: Architecture, instance: InstanceType, tensor_parallel: int, sequences: int) -> float:
    """The most that vLLM's profiling run needs at once: a layer's feed-forward, or the sampler.

    The feed-forward keeps the residual, its copies (four hidden widths) and both inner matrices (three inner widths,
    split over the GPUs) of all batched tokens, with experts once for each that a token passes through; the sampler
    sorts the logits of all sequences in 32 bits, over the whole vocabulary on each GPU.
    """
    tokens = batched_tokens(instance)
    inner = 3 * shape.intermediate_size / tensor_parallel
    if shape.experts is None:
        layer = 4 * shape.hidden_size + inner
    else:
        layer = 4 * shape.hidden_size + shape.experts_at_once * (inner + shape.hidden_size)
    sampler = _SAMPLER_BYTES * sequences * shape.vocab_size + 2 * tokens * shape.hidden_size
    return max(2.0 * tokens * layer, sampler)


def graph_bytes(shape: Architecture) -> float:
    """Of the captured CUDA graphs: 0.5 to 1.9 GiB measured, about 1; more layers, more kernels in each graph."""
    return (0.4 + 0.012 * shape.layers) * GIB


def batched_tokens(instance: InstanceType) -> int:
    """`max_num_batched_tokens` of vLLM's server: 8192 on GPUs of 70 GiB and more, but 2048 on an A100.

    Source: vllm 0.27.1, engine/arg_utils.py, `get_batch_defaults`.
    """
    return 8192 if instance.cuda_gib >= 70 and "A100" not in instance.accelerator else 2048


def _runtime_gib(instance: InstanceType, tensor_parallel: int) -> float:
    if tensor_parallel == 1:
        return _RUNTIME_GIB
    fused = 9.0 <= instance.compute_capability < 12.0
    return _RUNTIME_FUSED_GIB if fused else _RUNTIME_PARALLEL_GIB


def _blocks(tokens: int) -> int:
    return -(-tokens // _BLOCK) * _BLOCK
