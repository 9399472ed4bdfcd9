"""What to expect of a run on a cluster: speed, days, checkpoints, failures, money and energy, each with a range."""

from __future__ import annotations

from collections.abc import Callable

from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.accelerators import training_gpu
from llmstrat_iac.catalog.pretraining.assumptions import assumptions
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Span, Wish
from llmstrat_iac.catalog.pretraining.energy import energy
from llmstrat_iac.catalog.pretraining.placement import Placement
from llmstrat_iac.catalog.pretraining.resilience import SUSTAINED, Checkpointing, Duration, checkpointing, duration
from llmstrat_iac.catalog.pretraining.workload import Workload

SPEED = Span(0.85, 1.0, 1.15)
"""Nine of ten published speeds are within this of the calculated one (docs/pretraining-planner.md)."""
DAY = 86_400.0


def estimate(
    work: Workload, instance: InstanceType, nodes: int, placed: Placement, wish: Wish, price: AwsPrice
) -> ClusterPlan:
    """Of one placement."""
    run, gpus = work.run, nodes * instance.accelerators
    gpu = training_gpu(instance)
    assert gpu is not None
    step = placed.step.seconds
    rate = run.batch_sequences * run.sequence_length / step
    speed = _span(lambda which: rate * getattr(SPEED, which))
    saving = checkpointing(
        run.engine.checkpoint_bytes * run.architecture.parameters,
        nodes=nodes,
        gpus=gpus,
        step_seconds=step,
        storage_gb_s=wish.storage_gb_s,
        every_steps=run.checkpoint_steps,
    )
    kept = saving if run.checkpoints else None
    took = {which: _duration(which, run.tokens, rate, step, kept, gpus) for which in ("low", "likely", "high")}
    days = _span(lambda which: took[which].seconds / DAY)
    tflops = _span(lambda which: getattr(speed, which) * work.model_flops / gpus / 1e12)
    hourly = None if price.usd is None else price.usd * nodes
    return ClusterPlan(
        instance=instance,
        nodes=nodes,
        degrees=placed.degrees,
        micro_batch=placed.micro_batch,
        memory=placed.memory,
        tokens_per_second=speed,
        tflops_per_gpu=tflops,
        mfu=_span(lambda which: getattr(tflops, which) * 1e12 / gpu.peak),
        days=days,
        checkpoint_gib=saving.gib,
        checkpoint_seconds=saving.stall_seconds,
        checkpoint_steps=saving.steps,
        failures=_span(lambda which: took[which].failures),
        lost_days=_span(lambda which: took[which].lost_seconds / DAY),
        usd_per_hour=hourly,
        usd=None if hourly is None else _span(lambda which: getattr(days, which) * 24 * hourly),
        energy=energy(instance, gpus, days, wish.region),
        assumptions=assumptions(work, instance, gpu, wish, price),
    )


def _duration(which: str, tokens: int, rate: float, step: float, saving: Checkpointing | None, gpus: int) -> Duration:
    # The fewest days go with the highest speed.
    training = tokens / (rate * getattr(SUSTAINED, which))
    return duration(training, step, saving, gpus=gpus, which=which)


def _span(value: Callable[[str], float]) -> Span:
    return Span(value("low"), value("likely"), value("high"))
