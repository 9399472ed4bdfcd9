"""How many bytes a model's weights and a LoRA adapter take: on one GPU, and split over several.

Quantizers shrink the matrices of the layers and leave the embedding, the output layer and the norms in 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llmstrat_iac.catalog.architecture import Architecture

BITS = {
    "none": 16.0,
    "fp8": 8.0,
    # A group of 128 weights has a 16-bit scale and a 4-bit zero point (AutoAWQ and GPTQ default).
    "awq": 4 + 20 / 128,
    "gptq": 4 + 20 / 128,
    # A block of 64 weights has a 32-bit scale (bitsandbytes' NF4, as vLLM loads it).
    "bitsandbytes": 4 + 32 / 64,
    # The scales quantized in turn: 8 bits a block, and 32 a block of 256 of them (QLoRA, arXiv:2305.14314 section 3).
    "nf4": 4 + 8 / 64 + 32 / (64 * 256),
}
"""Bits a weight of the layers' matrices takes, its share of scales and zero points included."""

MXFP4_BITS = 4 + 8 / 32
"""4 bits and an 8-bit scale a block of 32 (OCP Microscaling formats 1.0)."""
MXFP4_PADDING = 256
"""vLLM pads experts in mxfp4 to a multiple of this width: 64.4 GiB measured for gpt-oss-120b, 64.5 counted so."""


def weight_bytes(shape: Architecture, quantization: str, tensor_parallel: int = 1) -> float:
    """Of the weights on each of `tensor_parallel` GPUs.

    Matrices and the vocabulary are split; norms are copied to each GPU, and so are key and value heads if there are
    more GPUs than heads (Megatron-LM, arXiv:1909.08053, as vLLM does it).
    """
    if shape.published_format == "mxfp4" and quantization == "none":
        return _mxfp4_bytes(shape) / tensor_parallel
    per_weight = BITS[quantization] / 8
    key_values = shape.key_value_parameters
    split = (shape.block_parameters - key_values) / tensor_parallel
    split += key_values * max(1 / tensor_parallel, 1 / shape.kv_heads)
    others = shape.parameters - shape.block_parameters - shape.embedding_parameters
    return split * per_weight + 2 * (shape.embedding_parameters / tensor_parallel + others)


def adapter_parameters(shape: Architecture, rank: int, target_modules: tuple[str, ...] = (), split: int = 1) -> float:
    """Of a LoRA adapter: `rank` times input and output width of each module (arXiv:2106.09685).

    `split` is the tensor-parallel size: one of the two matrices is split, the other copied. Experts get no adapter:
    transformers 5 keeps them in one tensor, which `all-linear` doesn't match.
    """
    widths = (
        module.width_in / (split if module.row_parallel else 1) + module.out / (1 if module.row_parallel else split)
        for module in targets(shape, target_modules)
    )
    return rank * shape.layers * sum(widths)


@dataclass(frozen=True)
class Module:
    """A linear module of a layer that LoRA can adapt."""

    name: str
    width_in: int
    out: int
    row_parallel: bool = False
    """Whether tensor parallelism splits its input rather than its output."""


def targets(shape: Architecture, names: tuple[str, ...]) -> tuple[Module, ...]:
    """The modules of a layer that get an adapter; without names all linear ones, as PEFT's `all-linear`."""
    if not names:
        return tuple(_linear(shape))
    return tuple(module for module in (*_linear(shape), *_fused(shape)) if module.name in names)


def module_names(shape: Architecture) -> tuple[str, ...]:
    """What `target_modules` may name: the linear modules of a layer, also as Phi has them."""
    return tuple(module.name for module in (*_linear(shape), *_fused(shape)))


def _linear(shape: Architecture) -> Iterator[Module]:
    queries, keys = _widths(shape)
    yield Module("q_proj", shape.hidden_size, queries)
    yield Module("k_proj", shape.hidden_size, keys)
    yield Module("v_proj", shape.hidden_size, keys)
    yield Module("o_proj", queries, shape.hidden_size, row_parallel=True)
    if shape.experts is None:
        yield Module("gate_proj", shape.hidden_size, shape.intermediate_size)
        yield Module("up_proj", shape.hidden_size, shape.intermediate_size)
        yield Module("down_proj", shape.intermediate_size, shape.hidden_size, row_parallel=True)


def _fused(shape: Architecture) -> Iterator[Module]:
    """Phi's names for several of them in one (transformers, models/phi3): the catalogue doesn't say who has which."""
    queries, keys = _widths(shape)
    yield Module("qkv_proj", shape.hidden_size, queries + 2 * keys)
    if shape.experts is None:
        yield Module("gate_up_proj", shape.hidden_size, 2 * shape.intermediate_size)


def _widths(shape: Architecture) -> tuple[int, int]:
    """Of all query heads, and of all key or value heads."""
    return shape.attention_heads * shape.head_dim, shape.kv_heads * shape.head_dim


def _mxfp4_bytes(shape: Architecture) -> float:
    padded = -(-shape.intermediate_size // MXFP4_PADDING) * MXFP4_PADDING
    experts = shape.expert_parameters * padded / shape.intermediate_size
    return experts * MXFP4_BITS / 8 + 2 * (shape.parameters - shape.expert_parameters)
