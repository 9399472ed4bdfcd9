"""Asks the catalogue's planner for the clusters that can do a spec's run, at the prices of its runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.pretraining.contract import Degrees, Price, Run, Search, Wish
from llmstrat_iac.catalog.pretraining.search import search
from llmstrat_iac.pretraining.storage import gib_for, has_file_system, throughput_gb_s
from llmstrat_iac.spec.pretraining import Parallelism

if TYPE_CHECKING:
    from llmstrat_iac.pretraining.contract import ResolvedPretraining

_SECONDS_A_DAY = 86_400.0


def search_clusters(pretraining: ResolvedPretraining) -> Search:
    """The clusters that can do it. An instance type that isn't known is the loader's to refuse: none is found."""
    cluster = pretraining.cluster
    if cluster.instance != "auto" and find_instance(cluster.instance) is None:
        return Search(None, (), ())
    return search(run_of(pretraining), wish_of(pretraining), price=price_of(pretraining))


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
        engine=pretraining.framework.engine,
    )


def wish_of(pretraining: ResolvedPretraining, region: str | None = None) -> Wish:
    """What the cluster may be; `region` other than the spec's is where its prices are looked up."""
    cluster = pretraining.cluster
    duration = None if cluster.deadline is None else cluster.deadline.duration
    return Wish(
        instance=None if cluster.instance == "auto" else find_instance(cluster.instance),
        nodes=None if cluster.nodes == "auto" else cluster.nodes,
        deadline_days=None if duration is None else duration.total_seconds() / _SECONDS_A_DAY,
        budget_usd=cluster.budget_usd,
        storage_gb_s=_storage_gb_s(pretraining),
        region=region or pretraining.region,
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


def _storage_gb_s(pretraining: ResolvedPretraining) -> float | None:
    """What the file system takes from all nodes together; None if checkpoints go to S3."""
    if not has_file_system(pretraining):
        return None
    run = run_of(pretraining)
    checkpoint = run.engine.checkpoint_bytes * run.architecture.parameters / 2**30
    return throughput_gb_s(pretraining, gib_for(pretraining, checkpoint))


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
