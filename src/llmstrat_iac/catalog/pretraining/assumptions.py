"""What an estimate rests on, in sentences with their sources, for `train-plan` and the plan."""

from __future__ import annotations

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.accelerators import TrainingGpu
from llmstrat_iac.catalog.pretraining.contract import Wish
from llmstrat_iac.catalog.pretraining.engines import Engine
from llmstrat_iac.catalog.pretraining.resilience import GPU_HOURS_BETWEEN_FAILURES, STORAGE_GB_S_A_NODE, SUSTAINED
from llmstrat_iac.catalog.pretraining.speed import NETWORK_SHARE
from llmstrat_iac.catalog.pretraining.workload import Workload


def assumptions(
    work: Workload, instance: InstanceType, gpu: TrainingGpu, wish: Wish, price: AwsPrice
) -> tuple[str, ...]:
    """The most important first."""
    measured = "published runs on it" if gpu.measured else "those of similar GPUs: no published run was found"
    found = [
        f"matrix products reach {gpu.matmul_share:.0%} of {gpu.peak / 1e12:,.0f} TFLOP/s, by {measured}",
        f"a whole run keeps {SUSTAINED.likely:.0%} ({SUSTAINED.high:.0%} to {SUSTAINED.low:.0%}) of the calculated "
        "speed, by published GPU hours; failures come on top",
        f"one failure in {GPU_HOURS_BETWEEN_FAILURES.likely:,.0f} GPU hours, as in Llama 3's run (arXiv:2407.21783)",
        "model FLOPs are 6 N + 12 l q s a token, attention counted in full (arXiv:2204.02311)",
        _memory(work.run.engine),
    ]
    if instance.efa_interfaces:
        found.append(f"EFA carries {NETWORK_SHARE:.0%} of {instance.network_gbps:,.0f} Gbit/s between nodes")
    if wish.storage_gb_s is None:
        found.append(f"storage takes {STORAGE_GB_S_A_NODE:g} GB/s from each node")
    if work.run.architecture.experts:
        found.append("a division of experts among ranks is balanced; tokens wait for their way there and back")
    if price.usd is not None:
        found.append(f"{price.usd:,.2f} USD an hour and instance ({price.source}, {price.as_of}); instances only")
    return tuple(found)


def _memory(engine: Engine) -> str:
    kept = "sharded" if "data_shard" in engine.divisions else "whole on each GPU"
    chunks = f"in {engine.loss_chunks} chunks" if engine.loss_chunks > 1 else "all at once"
    return f"states are {kept}, {engine.state_bytes:g} bytes a parameter, logits made {chunks} ({engine.name})"
