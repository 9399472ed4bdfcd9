"""How a run can be divided over GPUs: what may be tried, and what a division that the spec gives runs against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product
from math import prod

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.contract import Degrees, Run
from llmstrat_iac.catalog.pretraining.engines import Activations, Division

ACTIVATIONS: tuple[Activations, ...] = ("keep", "selective", "full")
DIVISIONS: tuple[Division, ...] = ("data_replicate", "data_shard", "tensor", "pipeline", "context")
LARGE_PARAMETERS = 20e9
"""Below, a pipeline gains nothing that sharding doesn't give."""
LONG_SEQUENCE = 32_768
"""From here on a sequence is worth spreading over GPUs."""
MOST_STAGES = 16
MOST_MICRO_BATCH = 64


def layouts(run: Run, instance: InstanceType, gpus: int) -> Iterator[tuple[Degrees, ...]]:
    """Every division worth trying of that many GPUs; alike but for the activations, those that keep the most first."""
    if run.degrees is not None:
        given = complete(run.degrees, gpus)
        if not mismatches(run, given, instance, gpus):
            yield from ((replace(given, interleaved=stages),) for stages in _interleaved(run, given.pipeline))
        return
    for tensor, pipeline, context in model_degrees(run, instance):
        model = tensor * pipeline * context
        if gpus % model or run.batch_sequences % (gpus // model):
            continue
        data = gpus // model
        if pipeline > 1 and run.batch_sequences // data < pipeline:
            continue
        for shard in _shards(run, data, instance.accelerators // tensor, pipeline):
            experts = _expert_degrees(run, shard * context, instance.accelerators // tensor)
            for stages, expert in product(_interleaved(run, pipeline), experts):
                yield tuple(
                    Degrees(data // shard, shard, tensor, pipeline, context, activations, stages, expert)
                    for activations in ACTIVATIONS
                    if activations in run.engine.activations
                )


@lru_cache(maxsize=256)
def model_degrees(run: Run, instance: InstanceType) -> tuple[tuple[int, int, int], ...]:
    """Tensor, pipeline and context degrees that shape and trainer allow, the smallest product first."""
    shape, engine = run.architecture, run.engine
    tensors = [t for t in (1, 2, 4, 8) if _splits_heads(run, t) and instance.accelerators % t == 0]
    large = shape.parameters >= LARGE_PARAMETERS
    # Embedding and output layer count as one layer each, so stages are even where they divide all three.
    pipelines = [
        p
        for p in range(1, MOST_STAGES + 1 if large else 2)
        if p in (1, 2, 4, 8, 16) or (shape.layers + engine.outer_layers) % p == 0
    ]
    contexts = [c for c in (1, 2, 4, 8) if c == 1 or run.sequence_length >= LONG_SEQUENCE]
    contexts = [c for c in contexts if c == 1 or run.sequence_length % (2 * c) == 0]
    ways: dict[Division, list[int]] = {"tensor": tensors, "pipeline": pipelines, "context": contexts}
    found = product(*(degrees if way in engine.divisions else [1] for way, degrees in ways.items()))
    return tuple(sorted(((t, p, c) for t, p, c in found), key=prod))


def micro_batches(run: Run, data: int) -> tuple[int, ...]:
    """Sequences that a GPU may take at once, the largest first."""
    if data > run.batch_sequences or run.batch_sequences % data:
        return ()
    each = run.batch_sequences // data
    if run.micro_batch is not None:
        return (run.micro_batch,) if each % run.micro_batch == 0 else ()
    return _divisors(each)


def complete(degrees: Degrees, gpus: int) -> Degrees:
    """With `data_shard` 0 replaced by what the others leave of the GPUs."""
    if degrees.data_shard:
        return degrees
    others = replace(degrees, data_shard=1).gpus
    return replace(degrees, data_shard=max(1, gpus // others))


def layers_per_stage(run: Run, degrees: Degrees) -> int | None:
    """What the trainer has to be told beside `Interleaved1F1B` for more than two stages on each GPU; else None."""
    if degrees.interleaved <= 2:
        return None
    layers = run.architecture.layers + run.engine.outer_layers
    return -(-layers // (degrees.pipeline * degrees.interleaved))


def mismatches(run: Run, degrees: Degrees, instance: InstanceType, gpus: int) -> list[str]:
    """What is wrong with a division that is given, each with numbers; empty if nothing is."""
    shape, found = run.architecture, _beyond_trainer(run, degrees)
    if degrees.gpus != gpus:
        factors = f"{degrees.data_replicate} x {degrees.data_shard} x {degrees.tensor} x {degrees.pipeline}"
        found.append(f"its degrees ({factors} x {degrees.context}) make {degrees.gpus} GPUs, the cluster has {gpus}")
    if degrees.tensor > instance.accelerators:
        found.append(f"tensor: {degrees.tensor} is more than the {instance.accelerators} GPUs of a node")
    if shape.attention_heads % degrees.tensor or shape.kv_heads % degrees.tensor:
        heads = f"{shape.attention_heads} attention heads and {shape.kv_heads} key-value heads"
        found.append(f"tensor: {heads} can't be divided by {degrees.tensor}")
    if degrees.pipeline > shape.layers:
        found.append(f"pipeline: {shape.layers} layers are fewer than {degrees.pipeline} stages")
    if degrees.context > 1 and run.sequence_length % (2 * degrees.context):
        found.append(f"context: a sequence of {run.sequence_length} can't be divided by 2 x {degrees.context}")
    return found + _batch_mismatches(run, degrees)


def _beyond_trainer(run: Run, degrees: Degrees) -> list[str]:
    engine = run.engine
    found = [
        f"{way}: {engine.name} can't divide by {getattr(degrees, way)}: only 1"
        for way in DIVISIONS
        if getattr(degrees, way) > 1 and way not in engine.divisions
    ]
    if degrees.activations not in engine.activations:
        found.append(f"activations: {engine.name} doesn't know `{degrees.activations}`")
    return found


def _batch_mismatches(run: Run, degrees: Degrees) -> list[str]:
    ranks, sequences = degrees.data, run.batch_sequences
    if sequences % ranks:
        return [f"batch_sequences: {sequences} sequences can't be divided over {ranks} data ranks"]
    micro = run.micro_batch or 1
    if sequences // ranks % micro:
        return [f"micro_batch: {sequences // ranks} sequences of a rank can't be divided by {micro}"]
    if degrees.pipeline > 1 and sequences // ranks // micro < degrees.pipeline:
        stages = f"{degrees.pipeline} stages have only {sequences // ranks // micro} micro batches a step"
        return [f"pipeline: {stages}: raise batch_sequences"]
    return []


def _interleaved(run: Run, pipeline: int) -> tuple[int, ...]:
    """Stages on each GPU worth trying: four and eight only where they come out as many as said."""
    layers = run.architecture.layers + run.engine.outer_layers
    if pipeline == 1 or not run.engine.interleaves:
        return (1,)
    even = (stages for stages in (4, 8) if -(-layers // -(-layers // (stages * pipeline))) == stages * pipeline)
    return tuple(stages for stages in (1, 2, *even) if pipeline * stages <= layers)


def _expert_degrees(run: Run, shards: int, ranks_a_node: int) -> tuple[int, ...]:
    """Not at all, over the ranks of a node, or over those of eight."""
    experts = run.architecture.experts
    if experts is None or not run.engine.divides_experts:
        return (1,)
    some = {min(experts, ranks) for ranks in (ranks_a_node, 8 * ranks_a_node)}
    return (1, *sorted(ranks for ranks in some if ranks > 1 and experts % ranks == 0 and shards % ranks == 0))


def _splits_heads(run: Run, tensor: int) -> bool:
    shape = run.architecture
    return shape.attention_heads % tensor == 0 and shape.kv_heads % tensor == 0


def _shards(run: Run, data: int, ranks_a_node: int, pipeline: int) -> Iterator[int]:
    """All data ranks, or those of 1, 4 or 16 nodes (HSDP); a pipeline exchanges too seldom for 4 or 16 to matter."""
    able = run.engine.divisions
    if data == 1 or "data_shard" in able:
        yield data
    elif "data_replicate" in able:
        yield 1
    if not able.issuperset({"data_shard", "data_replicate"}):
        return
    for nodes in (1,) if pipeline > 1 else (1, 4, 16):
        if nodes * ranks_a_node < data and data % (nodes * ranks_a_node) == 0:
            yield nodes * ranks_a_node


@lru_cache(maxsize=4096)
def _divisors(number: int) -> tuple[int, ...]:
    return tuple(size for size in range(min(number, MOST_MICRO_BATCH), 0, -1) if number % size == 0)
