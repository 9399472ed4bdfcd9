"""What sizing is asked and what it answers: frozen data, in bytes, GiB a GPU and US dollars an hour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType


@dataclass(frozen=True)
class ServingNeed:
    """An open model to be served. `concurrency` sequences of `context` tokens must fit into the cache at once."""

    architecture: Architecture
    quantization: str
    """`none`, `fp8`, `awq`, `gptq` or `bitsandbytes`."""
    context: int
    concurrency: int
    adapters: int = 0
    max_rank: int = 0
    tensor_parallel: int | None = None
    """None: the smallest that fits."""


@dataclass(frozen=True)
class TrainingNeed:
    """An open model to be fine-tuned."""

    architecture: Architecture
    method: str
    """`qlora`, `lora` or `full`."""
    max_length: int
    rank: int
    micro_batch_size: int | None = None
    """Examples a GPU at once; None: the largest power of two up to 8 that fits."""
    reference_model: bool = False
    """Preference training of all weights keeps a second, frozen copy."""
    pairs: bool = False
    """Preference training: each example is two sequences, the better and the worse."""
    batch_size: int | None = None
    """Examples an optimizer step over all GPUs, which micro batches must divide; None if it doesn't matter."""
    target_modules: tuple[str, ...] = ()
    """Modules that get an adapter, such as `q_proj`; empty: all linear ones."""


@dataclass(frozen=True)
class Memory:
    """What one GPU holds, in GiB; `parts` are name and GiB, in the order in which they are explained."""

    parts: tuple[tuple[str, float], ...]
    available: float
    """What the engine may use of the GPU."""

    @property
    def needed(self) -> float:
        """All parts together."""
        return sum(gib for _, gib in self.parts)

    @property
    def headroom(self) -> float:
        """What is left; negative if it doesn't fit."""
        return self.available - self.needed


@dataclass(frozen=True)
class Fit:
    """An instance type on which it fits."""

    instance: InstanceType
    gpus: int
    """GPUs used: the tensor-parallel size for serving, the data-parallel one for training."""
    memory: Memory
    price: AwsPrice
    micro_batch_size: int = 1
    sharded: bool = False
    """Training: weights are split over the GPUs (FSDP) instead of copied to each."""


Lack = Literal["memory", "kind of GPU", "number of GPUs", "format", "batch"]
"""What is wrong, so that a remedy can fit: memory, of GPUs or the instance's own; a GPU that can't compute it; too few
GPUs, or GPUs that can't share the heads; weights in a format that excludes it anywhere; a batch that can't be split."""


@dataclass(frozen=True)
class Rejection:
    """An instance type on which it doesn't, or that can't be had, and why, with numbers."""

    instance: InstanceType
    reason: str
    price: AwsPrice
    lacks: Lack = "memory"


@dataclass(frozen=True)
class Choice:
    """Every instance type that was looked at: what fits, the cheapest first, and what doesn't."""

    fits: tuple[Fit, ...]
    rejected: tuple[Rejection, ...]

    @property
    def nearest(self) -> tuple[Rejection, ...]:
        """What doesn't fit, the most GPU memory first."""
        return tuple(
            sorted(self.rejected, key=lambda each: -each.instance.accelerators * each.instance.accelerator_gib)
        )

    @property
    def best(self) -> Fit | None:
        """The cheapest that fits, by the hour; an unknown price comes last."""
        return self.fits[0] if self.fits else None


Price = Callable[[InstanceType], AwsPrice]
"""An instance type to its price an hour, where it is to run."""
