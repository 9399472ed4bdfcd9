"""The file system of a run: how large `gib: auto` makes it, what it costs, and what FSx wouldn't take.

For every runtime that puts FSx for Lustre between the corpus and the nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from llmstrat_iac.catalog.aws_prices import aws_price
from llmstrat_iac.plan import Basis, CostLine, Finding, PlannedResource, Severity, SizingLine, total
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.spec.pretraining import StorageBlock

_SMALLEST, _STEP = 1200, 2400
"""GiB; PERSISTENT_2 on SSD: https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystem.html"""
_BYTES_A_TOKEN = 4
_HOURS_A_MONTH = 730
_HEADROOM = 1.2
"""Lustre spreads files over its disks by chance: the fullest must not be full."""


def file_system_gib(pretraining: ResolvedPretraining) -> int:
    """The capacity, in GiB: as the spec gives it, or for the corpus and one checkpoint more than are kept."""
    return gib_for(pretraining, pretraining.plan.checkpoint_gib)


def gib_for(pretraining: ResolvedPretraining, checkpoint_gib: float) -> int:
    """The same before there is a plan that says how large a checkpoint is."""
    wanted = pretraining.cluster.storage.gib
    if wanted != "auto":
        return wanted
    checkpoints = pretraining.trainer.checkpoints
    # The oldest is deleted only once the newest is complete.
    kept = checkpoints.keep + 1 if checkpoints.enabled else 0
    needed = (corpus_gib(pretraining) + kept * checkpoint_gib) * _HEADROOM
    return _SMALLEST if needed <= _SMALLEST else math.ceil(needed / _STEP) * _STEP


def throughput_gb_s(pretraining: ResolvedPretraining, gib: int) -> float:
    """GB/s that a file system of this size states, for all nodes together: Lustre's figure is a TiB's, in MB/s."""
    return gib / 1024 * pretraining.cluster.storage.mbps_per_tib / 1000


def corpus_gib(pretraining: ResolvedPretraining) -> float:
    """Size of the corpus's files."""
    corpus = pretraining.corpus
    return corpus.gib if corpus.gib is not None else corpus.tokens * _BYTES_A_TOKEN / 2**30


def has_file_system(pretraining: ResolvedPretraining) -> bool:
    """Whether there is one."""
    return pretraining.cluster.storage.kind == "fsx"


def storage_resources(pretraining: ResolvedPretraining) -> Iterator[PlannedResource]:
    """What `components.file_system.FileSystem` registers with the corpus as its only link."""
    if has_file_system(pretraining):
        yield PlannedResource("llmstrat:cluster:FileSystem", 1, "the component that owns the file system")
        yield PlannedResource("aws:fsx/lustreFileSystem:LustreFileSystem", 1, "corpus and checkpoints, for all nodes")
        yield PlannedResource(
            "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", 1, "shows the corpus in S3 as files"
        )
        yield PlannedResource("aws:cloudwatch/logGroup:LogGroup", 1, "what couldn't be read from S3")


def storage_costs(pretraining: ResolvedPretraining) -> Iterator[CostLine]:
    """By the hour, since it ends with the job or the TTL."""
    if has_file_system(pretraining):
        storage = pretraining.cluster.storage
        price = aws_price(f"fsx-lustre-ssd-{storage.mbps_per_tib}", pretraining.region)
        yield CostLine(
            f"FSx for Lustre, {storage.mbps_per_tib} MB/s a TiB",
            Basis.HOUR,
            file_system_gib(pretraining) / _HOURS_A_MONTH,
            price.unit,
            price.usd,
            price.source,
            price.as_of,
        )


def storage_sizing(pretraining: ResolvedPretraining) -> Iterator[SizingLine]:
    """How it comes to its size, and how fast that makes it."""
    if has_file_system(pretraining):
        gib = file_system_gib(pretraining)
        throughput = throughput_gb_s(pretraining, gib)
        yield SizingLine(
            "file system",
            f"{gib:,} GiB, {throughput * 1000:,.0f} MB/s",
            f"{corpus_gib(pretraining):,.0f} GiB of corpus, checkpoints of {pretraining.plan.checkpoint_gib:,.0f} GiB",
        )


def check_storage(pretraining: ResolvedPretraining) -> Iterator[Finding]:
    """Sizes that FSx wouldn't take, and sizes that don't hold what they are for."""
    storage = pretraining.cluster.storage
    if storage.kind != "fsx":
        yield from _unused(storage)
        return
    if storage.gib == "auto":
        return
    gib, path = storage.gib, "cluster.storage.gib"
    if gib != _SMALLEST and (gib % _STEP or gib <= 0):
        lower, upper = gib // _STEP * _STEP, (gib // _STEP + 1) * _STEP
        yield Finding(
            "storage-size",
            Severity.ERROR,
            path,
            f"FSx for Lustre has no file systems of {gib:,} GiB",
            reason=f"there are such of {_SMALLEST:,} GiB and of multiples of {_STEP:,} GiB",
            remedy=f"take {lower or _SMALLEST:,} or {upper:,}, or `auto`",
        )
        return
    kept = pretraining.trainer.checkpoints.keep + 1 if pretraining.trainer.checkpoints.enabled else 0
    needed = kept * pretraining.plan.checkpoint_gib
    if needed > gib:
        yield Finding(
            "storage-size",
            Severity.ERROR,
            path,
            f"{gib:,} GiB don't hold {kept} checkpoints of {pretraining.plan.checkpoint_gib:,.0f} GiB",
            reason="the newest is written before the oldest is deleted",
            remedy=f"take at least {math.ceil(needed * _HEADROOM / _STEP) * _STEP:,}, `auto`, or keep fewer",
        )


def what_bills_on(
    pretraining: ResolvedPretraining, network: Iterable[CostLine], *, at_most: str = "the end of the TTL"
) -> Iterator[Finding]:
    """What nothing but the next `up` knows: that the job is over, and its file system of no use any more."""
    if not has_file_system(pretraining):
        return
    day = total((*network, *storage_costs(pretraining)), hours=24)
    how_much = f"{'more than ' if day.unknown else ''}${day.usd:,.2f} a day" if day.usd else "the price isn't known"
    yield Finding(
        "cluster.file-system",
        Severity.INFO,
        "cluster.storage",
        f"file system and NAT gateway bill on when the job is over, until the next `up` or `down`: {how_much}",
        reason=f"the job ends by itself, they don't; the file system is deleted at {at_most}, the gateway isn't",
        remedy="`llmstrat wait` tells when the job is over; or use `storage: {kind: s3}`",
    )


def _unused(storage: StorageBlock) -> Iterator[Finding]:
    given = [f"`{name}`" for name in ("gib", "mbps_per_tib") if name in storage.model_fields_set]
    if given:
        yield Finding(
            "storage-unused",
            Severity.WARNING,
            "cluster.storage",
            f"{' and '.join(given)} change{'s' if len(given) == 1 else ''} nothing: there is no file system",
            reason="with `kind: s3` nodes read from the bucket, and have their own disks",
            remedy="remove it, or set `kind: fsx`",
        )
