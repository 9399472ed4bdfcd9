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
    """Of each logit; 0 if the loss is computed in chunks and they never exist at once (trl/kernels/chunked_logprob.py).
    Transformers' own loss needs about 16: the logits in 16 and in 32 bits, shifted, their softmax and its gradient."""
    hidden_bytes: int = 2
    """Of each number of the residual stream; 4 where PEFT's `prepare_model_for_kbit_training` makes norms 32 bits wide,
    which TRL 1.16 doesn't call."""
    embedding_bytes: int = 2
    """Of each weight of the embedding beside a 4-bit model; 4 with `prepare_model_for_kbit_training`."""
    adapter_bytes: Mapping[str, float] = field(default_factory=lambda: {"lora": 16, "qlora": 8})
    """Of each parameter of an adapter, its gradient and two moments included: PEFT makes it 32 bits wide, TRL 16 beside
    a quantized model (trl/trainer/sft_trainer.py)."""
    adapter_input_bytes: Mapping[str, float] = field(default_factory=lambda: {"lora": 9, "qlora": 3})
    """Of each number that enters an adapter: its copy in the adapter's width, what dropout makes of it, its mask."""
    full_bytes: float = 16
    """Of each parameter that is trained without an adapter: weight, gradient, two moments, all in 32 bits."""
    cast_bytes: float = 2
    """Of each such parameter: its 16-bit copy for computing, which autocast keeps for the whole step. Sharded weights
    are cast layer by layer instead."""


TRL = Trainer()
