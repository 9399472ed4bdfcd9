"""Which GPU instance types fine-tune an open model with TRL: memory of each GPU in parts, the cheapest that fits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llmstrat_iac.catalog.instances import InstanceType, instances
from llmstrat_iac.catalog.sizing.contract import Choice, Fit, Price, Rejection, TrainingNeed
from llmstrat_iac.catalog.sizing.ranking import ranked, shortfall
from llmstrat_iac.catalog.sizing.serving import OLDEST_CUDA
from llmstrat_iac.catalog.sizing.training_memory import host_gib, training_memory

MICRO_BATCHES = (8, 4, 2, 1)


def choose_training(need: TrainingNeed, *, price: Price, candidates: Iterable[InstanceType] | None = None) -> Choice:
    """Every instance type (or every candidate) with its memory and price, or why it doesn't fit.

    All GPUs of an instance are used. Each has the whole model where that fits (DDP), except for `full`, whose states
    are always split over several (FSDP), which is also how a model is trained that no GPU can hold.
    """
    looked_at = instances() if candidates is None else candidates
    return ranked(_answer(need, instance, price) for instance in looked_at)


def _answer(need: TrainingNeed, instance: InstanceType, price: Price) -> Fit | Rejection:
    usd, gpus = price(instance), instance.accelerators
    sizes = _micro_batches(need, gpus)
    if reason := _wrong_format(need):
        return Rejection(instance, reason, usd, "format")
    if reason := _unable(need, instance):
        return Rejection(instance, reason, usd, "kind of GPU")
    if not sizes:
        return Rejection(instance, _unsplit(need, gpus), usd, "batch")
    for sharded in _ways(need, gpus):
        for size in sizes:
            memory = training_memory(need, instance, gpus=gpus, micro_batch_size=size, sharded=sharded)
            if memory.headroom >= 0:
                return _with_host(need, Fit(instance, gpus, memory, usd, size, sharded))
    return Rejection(instance, f"{shortfall(memory, gpus)}; {size} at once", usd)


def _ways(need: TrainingNeed, gpus: int) -> Iterator[bool]:
    if gpus == 1 or need.method != "full":
        yield False
    if gpus > 1:
        yield True


def _micro_batches(need: TrainingNeed, gpus: int) -> tuple[int, ...]:
    wanted = MICRO_BATCHES if need.micro_batch_size is None else (need.micro_batch_size,)
    return tuple(size for size in wanted if need.batch_size is None or need.batch_size % (size * gpus) == 0)


def _unsplit(need: TrainingNeed, gpus: int) -> str:
    micro = "" if need.micro_batch_size is None else f" in micro batches of {need.micro_batch_size}"
    over = "" if gpus == 1 else f" over its {gpus} GPUs"
    return f"a batch of {need.batch_size} can't be split evenly{over}{micro}"


def _wrong_format(need: TrainingNeed) -> str:
    if need.method == "qlora" and need.architecture.published_format == "mxfp4":
        # transformers 5.23.0, quantizers/auto.py: `merge_quantization_configs` raises.
        return "the weights are published in mxfp4, which the trainer can't load in qlora's own 4 bits"
    return ""


def _unable(need: TrainingNeed, instance: InstanceType) -> str:
    accelerator, capability = instance.accelerator, instance.compute_capability
    if capability < OLDEST_CUDA:
        return f"the images' CUDA 13 needs compute capability {OLDEST_CUDA}; {accelerator} has {capability}"
    if instance.sixteen_bit == "bfloat16":
        return ""
    if need.method == "qlora":
        # TRL makes the adapter bfloat16 beside 4-bit weights, for which PyTorch has no loss scaling (trl#4901).
        return f"qlora trains its adapter in bfloat16, which {accelerator} (compute capability {capability}) hasn't"
    if not need.architecture.float16:
        return f"the model overflows in float16, and {accelerator} has no bfloat16"
    return ""


def _with_host(need: TrainingNeed, fit: Fit) -> Fit | Rejection:
    needed, has = host_gib(need, gpus=fit.gpus, sharded=fit.sharded), fit.instance.memory_gib
    if needed <= has:
        return fit
    reason = f"loads and saves by way of {needed:.0f} GiB of the instance's own memory; it has {has:.0f}"
    return Rejection(fit.instance, reason, fit.price)
