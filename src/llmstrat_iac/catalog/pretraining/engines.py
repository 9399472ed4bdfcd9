"""What a trainer can do, and how it spends memory, time and network: all that the planner knows of it, said once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal["bf16", "fp8"]
Division = Literal["data_replicate", "data_shard", "tensor", "pipeline", "context"]
"""A way to divide the work over GPUs; see `spec.pretraining.Parallelism`."""
Activations = Literal["keep", "selective", "full"]


@dataclass(frozen=True)
class Engine:
    """What a trainer can do, and what it takes to do it. The defaults are torchtitan 0.3.0's with its Llama recipes, as
    read in its source."""

    name: str
    """With its version, as the plan's assumptions have it."""
    precisions: frozenset[Precision] = frozenset({"bf16", "fp8"})
    """Of matrix products."""
    divisions: frozenset[Division] = frozenset({"data_replicate", "data_shard", "tensor", "pipeline", "context"})
    """Ways to divide the work over GPUs; a plan uses no other."""
    activations: frozenset[Activations] = frozenset({"keep", "selective", "full"})
    """Which kinds of recomputation it knows."""
    interleaves: bool = True
    """Whether a GPU may have several stages of a pipeline (`Interleaved1F1B`)."""
    active_stages: int = 3
    """Of those, how many it keeps gathered; the others are gathered again in each round of micro batches
    (torch/distributed/pipelining/schedules.py, `_add_unshard_reshard`)."""
    divides_experts: bool = True
    """Whether a layer's experts may be divided among data ranks (config/configs.py, `expert_parallel_degree`)."""
    state_bytes: float = 16
    """Of each parameter, sharded: weight, gradient and two moments of AdamW, all in 32 bits (FSDP2 keeps the original
    parameters and reduces in 32 bits: config/configs.py, `mixed_precision_reduce`)."""
    checkpoint_bytes: float = 12
    """Of each parameter, in a checkpoint: weight and both moments of AdamW in 32 bits, saved as they are sharded."""
    gather_bytes: float = 2
    """Of each parameter that is gathered for computing."""
    reduce_bytes: float = 4
    """Of each gradient on its way to the rank that keeps it."""
    gathers: int = 2
    """Of a layer for a micro batch: forward, and again backward (`reshard_after_forward`)."""
    syncs_micro_batches: bool = True
    """Each accumulated micro batch gathers and reduces (trainer.py never sets it off); with a pipeline
    once a step (torch/distributed/pipelining/stage.py, `backward_maybe_with_nosync`)."""
    loss_chunks: int = 8
    """Parts in which logits and loss are computed (components/loss.py, `ChunkedLossWrapper`)."""
    logit_bytes: float = 14
    """Of each logit while they exist: 16 bits, 32 bits, their softmax and its gradient."""
    compiled_logit_bytes: float = 12
    passes: float = 8
    """Times that what a layer keeps is read or written, forward and backward, by all that isn't a matrix product."""
    compiled_passes: float = 5
    """The same after `torch.compile` has fused norms, activations and casts."""
    launch_seconds: float = 1.1e-3
    """Least time of a layer, forward and backward: the host has to launch its kernels."""
    compiled_launch_seconds: float = 0.4e-3
    fp8_gain: float = 1.6
    """How much faster a layer's matrix products are in fp8, casts included."""
    outer_layers: int = 2
    """As how many layers embedding and output layer count when layers are shared among a pipeline's stages
    (distributed/pipeline_parallel.py): 126 layers make 16 even stages."""
    tensor_exposed: float = 1.0
    """Share of tensor parallelism's communication that waits; less with async TP, which is off by default."""


TORCHTITAN = Engine("torchtitan 0.3.0")
