"""Asks the catalogue's planner for the clusters that can do a spec's run, at the prices of its runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.pretraining.contract import Degrees, Price, Run, Search, Wish
from llmstrat_iac.catalog.pretraining.search import search
from llmstrat_iac.spec.pretraining import ClusterBlock, Parallelism, StorageBlock

if TYPE_CHECKING:
    from llmstrat_iac.pretraining.contract import ResolvedPretraining

_SECONDS_A_DAY = 86_400.0
_GIB_A_TIB = 1024


def search_clusters(pretraining: ResolvedPretraining) -> Search:
    """The clusters that can do it. An instance type that isn't known is the loader's to refuse: none is found."""
    cluster = pretraining.cluster
    if cluster.instance != "auto" and find_instance(cluster.instance) is None:
        return Search(None, (), ())
    wish = wish_of(cluster, pretraining.region)
    return search(run_of(pretraining), wish, price=price_of(pretraining))


def run_of(pretraining: ResolvedPretraining) -> Run:
    """The run, as the planner asks for it."""
    trainer, saving = pretraining.trainer, pretraining.trainer.checkpoints
    parallelism = trainer.parallelism
    return Run(
        architecture=pretraining.architecture,
        tokens=pretraining.tokens,
        sequence_length=trainer.sequence_length,
        batch_sequences=trainer.batch_sequences,
        precision=trainer.precision,
        compile=trainer.compile,
        checkpoints=saving.enabled,
        checkpoint_steps=None if saving.every_steps == "auto" else saving.every_steps,
        degrees=None if parallelism == "auto" else degrees_of(parallelism),
        micro_batch=None if trainer.micro_batch == "auto" else trainer.micro_batch,
    )


def wish_of(cluster: ClusterBlock, region: str) -> Wish:
    """What the cluster may be."""
    duration = None if cluster.deadline is None else cluster.deadline.duration
    return Wish(
        instance=None if cluster.instance == "auto" else find_instance(cluster.instance),
        nodes=None if cluster.nodes == "auto" else cluster.nodes,
        deadline_days=None if duration is None else duration.total_seconds() / _SECONDS_A_DAY,
        budget_usd=cluster.budget_usd,
        storage_gb_s=storage_gb_s(cluster.storage),
        region=region,
    )


def degrees_of(parallelism: Parallelism) -> Degrees:
    """`data_shard: rest` is 0 until the number of GPUs is known."""
    shard = parallelism.data_shard
    return Degrees(
        data_replicate=parallelism.data_replicate,
        data_shard=0 if shard == "rest" else shard,
        tensor=parallelism.tensor,
        pipeline=parallelism.pipeline,
        context=parallelism.context,
        activations=parallelism.activations,
    )


def storage_gb_s(storage: StorageBlock) -> float | None:
    """What the file system takes; None if its size is still open, or if checkpoints go to S3."""
    if storage.kind != "fsx" or storage.gib == "auto":
        return None
    return storage.gib / _GIB_A_TIB * storage.mbps_per_tib / 1000


def price_of(pretraining: ResolvedPretraining, region: str | None = None) -> Price:
    """The spec's own, else the runtime's. Reserved instances cost what they cost on demand; blocks and training plans
    have prices of their own, which the catalogue hasn't."""
    cluster, capacity = pretraining.cluster, pretraining.cluster.capacity
    kind = "on-demand" if capacity == "reservation" else capacity

    def price(instance: InstanceType) -> AwsPrice:
        if cluster.node_usd is not None and instance.name == cluster.instance:
            return AwsPrice("hour", cluster.node_usd, "cluster.node_usd of the spec", "")
        return pretraining.runtime.price(instance.name, region or pretraining.region, "training", kind)

    return price
