"""The best division of a run over so many nodes of one instance type: the fastest that fits into memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.accelerators import TrainingGpu, training_gpu
from llmstrat_iac.catalog.pretraining.contract import Degrees, Run
from llmstrat_iac.catalog.pretraining.layouts import complete, layouts, micro_batches, mismatches
from llmstrat_iac.catalog.pretraining.memory import GIB, demand, gpu_memory, least
from llmstrat_iac.catalog.pretraining.speed import Step, step_time
from llmstrat_iac.catalog.pretraining.workload import Workload
from llmstrat_iac.catalog.sizing.contract import Memory
from llmstrat_iac.catalog.sizing.ranking import shortfall

FP8_CAPABILITY = 8.9
BF16_CAPABILITY = 8.0
PIPELINE_MICRO_BATCHES = 2
"""Of a pipeline: small micro batches keep the bubble small: only the smallest are tried."""

PIPELINE_HANDICAP = 1.1
"""How much faster a pipeline must be: it is the hardest to run, and uneven stages cost more than is counted."""


@dataclass(frozen=True)
class Placement:
    """One way to run on so many nodes."""

    degrees: Degrees
    micro_batch: int
    memory: Memory
    step: Step


def unable(run: Run, instance: InstanceType, nodes: int | None) -> str:
    """Why an instance type can't do it, whatever the division; empty if it may."""
    capability = instance.compute_capability
    if capability < BF16_CAPABILITY:
        return f"{instance.accelerator} (compute capability {capability}) has no bfloat16"
    if run.precision not in run.engine.precisions:
        return f"{run.engine.name} can't compute in {run.precision}"
    if run.precision == "fp8" and capability < FP8_CAPABILITY:
        return f"fp8 needs compute capability {FP8_CAPABILITY}; {instance.accelerator} has {capability}"
    if training_gpu(instance) is None:
        return f"how fast {instance.accelerator} trains isn't known"
    if (nodes or 1) > 1 and not instance.efa_interfaces:
        return f"{nodes} nodes need EFA between them, which it hasn't"
    return ""


def place(work: Workload, instance: InstanceType, nodes: int) -> Placement | None:
    """The fastest that fits; None if none does."""
    gpu = training_gpu(instance)
    if gpu is None:
        return None
    room = instance.cuda_gib * GIB
    best: tuple[float, Degrees, int] | None = None
    for alike in layouts(work.run, instance, nodes * instance.accelerators):
        if least(work, alike[0]) > room:
            continue
        for degrees in alike:
            fitting = _fitting(work, degrees, instance)
            for micro in fitting:
                seconds = step_time(work, degrees, instance, gpu, micro_batch=micro).seconds
                seconds *= PIPELINE_HANDICAP if degrees.pipeline > 1 else 1
                if best is None or seconds < best[0]:
                    best = seconds, degrees, micro
            # To compute more again only pays if it makes room for larger micro batches.
            if fitting and (degrees.pipeline > 1 or fitting[0] == micro_batches(work.run, degrees.data)[0]):
                break
    return None if best is None else _placement(work, instance, gpu, best[1], best[2])


def why_not(work: Workload, instance: InstanceType, nodes: int) -> str:
    """Why nothing fits on so many nodes, with the numbers of what comes nearest."""
    run, gpus = work.run, nodes * instance.accelerators
    if run.degrees is not None:
        wrong = mismatches(run, complete(run.degrees, gpus), instance, gpus)
        if wrong:
            return "; ".join(wrong)
    nearest = min(_tried(work, instance, gpus), key=lambda each: each[0], default=None)
    if nearest is None:
        return f"{run.batch_sequences} sequences a step can't be divided over its {gpus} GPUs, however they are shared"
    _, degrees, micro = nearest
    memory = gpu_memory(work, degrees, instance, micro_batch=micro, micro_batches=_count(work, degrees, micro))
    shares = f"sharded over {degrees.data_shard}, tensor {degrees.tensor}, pipeline {degrees.pipeline}"
    return f"{shortfall(memory, gpus)}; {shares}, {degrees.activations} activations, micro batch {micro}"


def _tried(work: Workload, instance: InstanceType, gpus: int) -> Iterable[tuple[float, Degrees, int]]:
    for degrees in (each for alike in layouts(work.run, instance, gpus) for each in alike):
        sizes = micro_batches(work.run, degrees.data)
        if sizes:
            needs = demand(work, degrees, micro_batches=_count(work, degrees, sizes[-1]))
            yield needs.fixed + sizes[-1] * needs.each, degrees, sizes[-1]


def _fitting(work: Workload, degrees: Degrees, instance: InstanceType) -> tuple[int, ...]:
    """Micro batches that fit: the largest, which exchanges the least; with a pipeline the smallest ones."""
    sizes = micro_batches(work.run, degrees.data)
    if not sizes:
        return ()
    pipeline = degrees.pipeline
    needs = demand(work, degrees, micro_batches=pipeline)
    room = (instance.cuda_gib * GIB - needs.fixed) / needs.each
    if room < sizes[-1]:
        return ()
    if pipeline == 1:
        return (next(size for size in sizes if size <= room),)
    # Interleaved stages go round by round, as many micro batches as there are stages in each.
    round_ = pipeline if degrees.interleaved > 1 else 1
    smallest = [size for size in sizes[-PIPELINE_MICRO_BATCHES:] if size <= room]
    counts = {size: _count(work, degrees, size) for size in smallest}
    return tuple(size for size in smallest if counts[size] >= pipeline and counts[size] % round_ == 0)


def _count(work: Workload, degrees: Degrees, micro: int) -> int:
    return work.run.batch_sequences // (degrees.data * micro)


def _placement(work: Workload, instance: InstanceType, gpu: TrainingGpu, degrees: Degrees, micro: int) -> Placement:
    memory = gpu_memory(work, degrees, instance, micro_batch=micro, micro_batches=_count(work, degrees, micro))
    return Placement(degrees, micro, memory, step_time(work, degrees, instance, gpu, micro_batch=micro))
