"""What one GPU holds while a model is fine-tuned: weights, gradients, optimizer, activations, loss, runtime.

Checked against published peaks of TRL, LLaMA-Factory, LitGPT and others (`docs/sizing.md`).
"""

from __future__ import annotations

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.sizing.contract import Memory, TrainingNeed
from llmstrat_iac.catalog.sizing.trainers import TRL, Trainer
from llmstrat_iac.catalog.sizing.weights import BITS, adapter_parameters, targets, weight_bytes

GIB = 2**30

_CONTEXT_GIB = 0.5
_CONTEXT_PARALLEL_GIB = 1.0
"""What CUDA, cuBLAS and, with several GPUs, NCCL take outside of PyTorch."""
_FRAGMENTED = 0.05
"""Share that PyTorch's allocator can't use. 4 to 18% more was reserved than allocated where both were measured, most of
which it gives back when memory is short."""
_HOST_GIB = 6.0
"""Of the instance's own memory: the system, the container, the trainer's process and its data."""


def training_memory(
    need: TrainingNeed,
    instance: InstanceType,
    *,
    gpus: int,
    micro_batch_size: int,
    sharded: bool,
    trainer: Trainer = TRL,
) -> Memory:
    """GiB of each of `gpus` GPUs; `sharded` splits all weights and states over them (FSDP), else each has them all."""
    shape = need.architecture
    tokens = micro_batch_size * need.max_length * (2 if need.pairs else 1)
    share = gpus if sharded else 1
    activations = tokens * activation_bytes_per_token(need, trainer, sharded=sharded)
    parts = {
        "weights": _frozen_bytes(need, trainer) / share,
        "reference model": (2 * shape.parameters if need.reference_model else 0) / share,
        "layers gathered": _gathered_bytes(need) if sharded else 0,
    }
    if need.method == "full":
        parts |= _full_parts(shape, activations, trainer, share=share, sharded=sharded)
    else:
        adapter = adapter_parameters(shape, need.rank, need.target_modules)
        parts |= {"adapter": trainer.adapter_bytes[need.method] * adapter / share, "activations": activations}
    fragmented = _FRAGMENTED * sum(parts.values())
    context = (_CONTEXT_GIB if gpus == 1 else _CONTEXT_PARALLEL_GIB) * GIB
    parts |= {"allocator": fragmented, "CUDA and NCCL" if gpus > 1 else "CUDA": context}
    return Memory(tuple((name, size / GIB) for name, size in parts.items() if size), available=instance.cuda_gib)


def activation_bytes_per_token(need: TrainingNeed, trainer: Trainer = TRL, *, sharded: bool = False) -> float:
    """What each token of a micro batch leaves until the backward pass has reached it.

    With checkpointing: the input of each layer, and on top of them the larger of what the loss needs, at the end of the
    forward pass, and of one layer with its gradients, in the backward pass (arXiv:2205.05198 section 5).
    """
    shape = need.architecture
    layer = layer_bytes_per_token(shape) + _adapter_input_bytes(need, trainer)
    # The gradients of both inner activations of the feed-forward are alive beside what it has kept.
    backward = 2 * 2 * shape.mlp_width
    # The chunked loss keeps the last hidden state in 16 bits and its gradient in 32.
    loss = trainer.logit_bytes * shape.vocab_size or 6 * shape.hidden_size
    if not trainer.checkpointing:
        return shape.layers * layer + max(loss, backward)
    at_once = trainer.sharded_layers if sharded and need.method != "full" else 1
    return shape.layers * trainer.hidden_bytes * shape.hidden_size + max(loss, at_once * (layer + backward))


def layer_bytes_per_token(shape: Architecture) -> float:
    """What a layer keeps of each token for its backward pass, with an attention kernel that keeps no scores.

    Two norms: input in 32 bits, normalized, output, in 16 (8 bytes a number). Attention: queries, keys, values, output.
    Feed-forward: gate, its activation, up and their product of SwiGLU, or two of GPT's. (Counted as in arXiv:2205.05198
    section 4.1, for Llama's layer and without the scores, which flash attention doesn't keep.)
    """
    queries, keys = shape.attention_heads * shape.head_dim, shape.kv_heads * shape.head_dim
    attention = 2 * (2 * queries + 2 * keys)
    inner = 2 * (4 if shape.gated_mlp else 2) * shape.mlp_width
    routed = 2 * 2 * shape.hidden_size * shape.experts_at_once if shape.experts else 0
    return 2 * 8 * shape.hidden_size + attention + inner + routed


def host_gib(need: TrainingNeed, *, gpus: int, sharded: bool) -> float:
    """Memory of the instance itself that loading and saving take.

    One process loads straight to its GPU (TRL's `device_map="auto"`), and so does bitsandbytes; several load 16-bit
    weights into the instance's memory first, each for itself. With FSDP the first process alone has them there, and
    gathers them to save: trained ones are 32 bits wide and come with two moments (accelerate 1.15.0,
    utils/fsdp_utils.py, FULL_STATE_DICT).
    """
    parameters = need.architecture.parameters / GIB
    if sharded:
        return _HOST_GIB + (12 if need.method == "full" else 2) * parameters
    return _HOST_GIB + (2 * gpus * parameters if gpus > 1 and need.method == "lora" else 0)


def _frozen_bytes(need: TrainingNeed, trainer: Trainer) -> float:
    shape = need.architecture
    if need.method == "full":
        return 0.0
    if need.method == "lora":
        return 2.0 * shape.parameters
    experts = 0 if trainer.four_bit_experts else (2 - BITS["nf4"] / 8) * shape.expert_parameters
    return weight_bytes(shape, "nf4") + experts + (trainer.embedding_bytes - 2) * shape.embedding_parameters


def _full_parts(
    shape: Architecture, activations: float, trainer: Trainer, *, share: int, sharded: bool
) -> dict[str, float]:
    """Gradients and activations add up while micro batches are accumulated; else one goes as the other comes."""
    gradients = trainer.gradient_bytes * shape.parameters / share
    step = trainer.step_bytes * shape.parameters / share
    parts = {
        "weights and optimizer": trainer.state_bytes * shape.parameters / share,
        "16-bit copy": 0 if sharded else trainer.cast_bytes * shape.parameters,
    }
    if trainer.accumulates:
        return parts | {"gradients": gradients, "activations": max(activations, step)}
    if activations > gradients + step:
        return parts | {"activations": activations}
    return parts | {"gradients": gradients + step}


def _gathered_bytes(need: TrainingNeed) -> float:
    """FSDP's whole layers, in 16 bits: the one at work, the next one, the embeddings; gradients likewise of `full`."""
    shape = need.architecture
    layers = 2 * 2 * shape.block_parameters / shape.layers + 2 * shape.embedding_parameters
    return 2 * layers if need.method == "full" else layers


def _adapter_input_bytes(need: TrainingNeed, trainer: Trainer) -> float:
    if need.method == "full":
        return 0.0
    return trainer.adapter_input_bytes * sum(
        module.width_in for module in targets(need.architecture, need.target_modules)
    )
