"""What speaks against how a spec divides the work: degrees and heads, layers, sequences, GPUs, batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.spec.pretraining import Parallelism

_WHERE = "trainer.parallelism"


@dataclass(frozen=True)
class _Divided:
    """A spec's own division, on a cluster of which type and size are known."""

    pretraining: ResolvedPretraining
    wanted: Parallelism
    instance: InstanceType | None
    gpus: int | None

    @property
    def outer(self) -> int:
        """GPUs of one copy of the sharding: all degrees but `data_shard`."""
        wanted = self.wanted
        return wanted.data_replicate * wanted.tensor * wanted.pipeline * wanted.context

    @property
    def data_shard(self) -> int | None:
        """As given, or the rest of the GPUs; None if that can't be told."""
        if self.wanted.data_shard != "rest":
            return self.wanted.data_shard
        return self.gpus // self.outer if self.gpus is not None and self.gpus % self.outer == 0 else None


def check_division(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """Yield what doesn't divide; nothing of what is left to the search."""
    wanted, nodes = pretraining.trainer.parallelism, pretraining.cluster.nodes
    instance = find_instance(pretraining.cluster.instance)
    gpus = nodes * instance.accelerators if instance is not None and nodes != "auto" else None
    if wanted == "auto":
        yield from _batch_of_all(pretraining, gpus)
        return
    divided = _Divided(pretraining, wanted, instance, gpus)
    yield from _tensor(divided)
    yield from _pipeline_and_context(divided)
    product = tuple(_product(divided))
    yield from product
    if not product:
        yield from _batch(divided)


def _tensor(divided: _Divided) -> Iterator[Finding]:
    size, shape = divided.wanted.tensor, divided.pretraining.architecture
    heads = math.gcd(shape.attention_heads, shape.kv_heads)
    most = divided.instance.accelerators if divided.instance is not None else 8
    allowed = ", ".join(str(each) for each in range(1, min(heads, most) + 1) if heads % each == 0)
    if heads % size:
        yield _refused(
            "tensor-parallel-heads",
            "tensor",
            f"{size} GPUs can't share {shape.attention_heads} query heads and {shape.kv_heads} key and value heads",
            "each GPU computes whole heads",
            f"set one of {allowed}, or `parallelism: auto`",
        )
    elif size > most and divided.instance is not None:
        yield _refused(
            "tensor-parallel-beyond-node",
            "tensor",
            f"{size} GPUs are to share each layer, and {divided.instance.name} has {most}",
            "each layer waits for all of them twice, which only the links inside a node are fast enough for",
            f"set one of {allowed}, or `parallelism: auto`",
        )


def _pipeline_and_context(divided: _Divided) -> Iterator[Finding]:
    layers, stages = divided.pretraining.architecture.layers, divided.wanted.pipeline
    if stages > layers:
        yield _refused(
            "pipeline-beyond-layers",
            "pipeline",
            f"{stages} stages can't share {layers} layers",
            "each stage has at least one layer",
            f"set {layers} or less, or `parallelism: auto`",
        )
    length, ranks = divided.pretraining.trainer.sequence_length, divided.wanted.context
    if ranks > 1 and length % (2 * ranks):
        yield _refused(
            "context-parallel-length",
            "context",
            f"{ranks} GPUs can't share sequences of {length:,} tokens: {2 * ranks} parts of {length / 2 / ranks:,.1f}",
            "each GPU takes one part of the first half and one of the second, for equal work",
            f"set a `sequence_length` that {2 * ranks} divides, or another degree",
        )


def _product(divided: _Divided) -> Iterator[Finding]:
    gpus, wanted, outer = divided.gpus, divided.wanted, divided.outer
    if gpus is None:
        return
    if wanted.data_shard == "rest" and gpus % outer:
        yield _refused(
            "degrees-dont-divide",
            "data_shard",
            f"the other degrees make groups of {outer:,} GPUs, which don't divide the cluster's {gpus:,}",
            "every GPU belongs to exactly one group",
            f"take a number of GPUs that {outer:,} divides, or `parallelism: auto`",
        )
    elif wanted.data_shard != "rest" and outer * wanted.data_shard != gpus:
        yield _refused(
            "degrees-dont-divide",
            "data_shard",
            f"all degrees together make {outer * wanted.data_shard:,} GPUs, and the cluster has {gpus:,}",
            "every GPU has exactly one part of the work",
            "leave `data_shard` out, which takes what is left, or set `parallelism: auto`",
        )


def _batch(divided: _Divided) -> Iterator[Finding]:
    trainer, shard = divided.pretraining.trainer, divided.data_shard
    if shard is None:
        return
    ranks = divided.wanted.data_replicate * shard
    micro = 1 if trainer.micro_batch == "auto" else trainer.micro_batch
    yield from _uneven(divided.pretraining, ranks, micro)


def _batch_of_all(pretraining: ResolvedPretraining, gpus: int | None) -> Iterator[Finding]:
    """Without model parallelism every GPU sees its own sequences; the search may divide otherwise, if it can."""
    trainer = pretraining.trainer
    if gpus is not None and pretraining.search.best is None:
        yield from _uneven(pretraining, gpus, 1 if trainer.micro_batch == "auto" else trainer.micro_batch)


def _uneven(pretraining: ResolvedPretraining, ranks: int, micro: int) -> Iterator[Finding]:
    batch, at_once = pretraining.trainer.batch_sequences, ranks * micro
    if batch % at_once == 0:
        return
    near = [each for each in (batch // at_once * at_once, (batch // at_once + 1) * at_once) if each]
    each = f" of {micro} at once" if micro > 1 else ""
    smaller = ", or leave `micro_batch` out" if micro > 1 else ""
    if batch < at_once:
        smaller += _fewer_nodes(pretraining, at_once)
    yield Finding(
        rule="batch-doesnt-divide",
        severity=Severity.ERROR,
        path="trainer.batch_sequences",
        message=f"{batch:,} sequences don't divide over {ranks:,} ranks{each}: {batch / at_once:,.2f} for each",
        reason="every rank takes the same number of sequences in every step",
        remedy=f"set `batch_sequences` to {' or '.join(str(number) for number in near)}{smaller}",
    )


def _fewer_nodes(pretraining: ResolvedPretraining, at_once: int) -> str:
    """The most nodes that have a sequence for each rank, if one node has."""
    nodes = pretraining.cluster.nodes
    most = 0 if nodes == "auto" else pretraining.trainer.batch_sequences * nodes // at_once
    return f", or take at most {most:,} node{'s' if most > 1 else ''}" if most else ""


def _refused(rule: str, field: str, message: str, reason: str, remedy: str) -> Finding:
    return Finding(rule, Severity.ERROR, f"{_WHERE}.{field}", message, reason=reason, remedy=remedy)
