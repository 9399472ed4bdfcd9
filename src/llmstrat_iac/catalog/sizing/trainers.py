"""How a trainer uses memory, where trainers differ: what sizing assumes, said once and with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Trainer:
    """Bytes that a trainer spends; the defaults are those of TRL 1.16.0 as `open_model.trl` renders it."""

    checkpointing: bool = True
    """Layers keep their input only and are computed again in the backward pass (TRL's default)."""
    logit_bytes: float = 0.0
    """Of each logit; 0 if the loss is computed in chunks, so that they never exist at once (TRL 1.16.0,
    trl/kernels/chunked_logprob.py). Transformers' own loss holds them in 16 and in 32 bits, their softmax and its
    gradient: 14 by counting, 13 to 15 measured."""
    hidden_bytes: int = 2
    """Of each number of a layer's input; 4 where PEFT's `prepare_model_for_kbit_training` makes norms 32 bits wide: TRL
    1.16 doesn't call it."""
    sharded_layers: int = 2
    """Layers that an adapter's training keeps whole at once in the backward pass under FSDP: as was measured with two
    and four GPUs, whereas training all weights keeps one, and so does one GPU."""
    embedding_bytes: int = 2
    """Of each weight of the embedding beside a 4-bit model; 4 with `prepare_model_for_kbit_training`."""
    four_bit_experts: bool = False
    """Whether `qlora` holds experts in 4 bits. transformers 5 keeps them in one tensor, and bitsandbytes quantizes
    linear modules only, so that they stay 16 bits wide (`make test-trainer` looks); before, each was a module."""
    adapter_bytes: Mapping[str, float] = field(default_factory=lambda: {"lora": 16, "qlora": 8})
    """Of each parameter of an adapter, its gradient and two moments included: PEFT makes it 32 bits wide, TRL 16 beside
    a quantized model (trl/trainer/sft_trainer.py)."""
    adapter_input_bytes: float = 3
    """Of each number that enters an adapter: its copy for the matrix, and dropout's mask."""
    state_bytes: float = 12
    """Of each parameter that is trained without an adapter: the weight and two moments, in 32 bits."""
    gradient_bytes: float = 4
    """Of each such parameter's gradient."""
    accumulates: bool = True
    """Gradients stay while the next micro batch goes forward."""
    step_bytes: float = 0
    """Of each such parameter, temporaries of the optimizer's step: 0 for fused AdamW, transformers' default."""
    cast_bytes: float = 2
    """Of each such parameter: its 16-bit copy for computing, which autocast keeps for the whole pass. Sharded weights
    are cast layer by layer instead."""


TRL = Trainer()
