"""What to do about a model that fits nowhere: that depends on what the types that come nearest lack."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.open_model.placement import AUTO


def serving_remedy(serving: ResolvedServing) -> str:
    """Of a fleet that fits on no type, or not on the one that is named."""
    return _joined(_for_serving(serving), "or choose another model")


def training_remedy(training: ResolvedTraining) -> str:
    """The same of a training."""
    return _joined(_for_training(training), "or choose another model")


def _for_serving(serving: ResolvedServing) -> Iterator[str]:
    block, lacks = serving.block, serving.choice.nearest[0].lacks
    if lacks == "format":
        yield "leave `quantization` out"
        return
    if block.tensor_parallel != "auto" and lacks in ("memory", "number of GPUs"):
        yield "set `tensor_parallel: auto`"
    if lacks == "memory":
        yield f"lower `max_context` ({block.max_context:,}) or `concurrency` ({block.concurrency})"
        if block.quantization == "none":
            yield "set `quantization: fp8`"
    if block.instance != AUTO:
        yield "set `instance: auto`"


def _for_training(training: ResolvedTraining) -> Iterator[str]:
    block, lacks = training.block, training.choice.nearest[0].lacks
    named = find_instance(block.instance)
    if lacks == "format":
        yield "set `method: lora`"
        return
    if lacks == "batch":
        yield f"set a `batch_size` that {named.accelerators} divides" if named else "set a larger `batch_size`"
        if block.hyperparameters.micro_batch_size is not None:
            yield "leave `micro_batch_size` out"
    if lacks == "memory":
        if block.method != "qlora":
            yield "set `method: lora` or `qlora`" if block.method == "full" else "set `method: qlora`"
        yield f"lower `max_length` ({block.hyperparameters.max_length:,})"
        if block.hyperparameters.micro_batch_size is not None:
            yield "leave `micro_batch_size` out"
    if lacks == "kind of GPU" and block.method == "qlora":
        yield "set `method: lora`"
    if block.instance != AUTO:
        yield "set `instance: auto`"


def _joined(steps: Iterator[str], last: str) -> str:
    return ", ".join([*steps, last])
