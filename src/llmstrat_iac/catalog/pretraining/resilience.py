"""Checkpoints and failures of a long run: how large, how often, what is lost, how long it takes from start to end.

The interval balances the time that a checkpoint stops the training against the work that a failure loses, by Young's
formula (J. W. Young, CACM 17(9), 1974; J. T. Daly, FGCS 22(3), 2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from llmstrat_iac.catalog.pretraining.contract import Span

SUSTAINED = Span(1.1, 0.75, 0.35)
"""Share of the calculated speed that a whole run keeps, the calculation's own error included, failures not, in the
order of the days that follow. Set on 29 published runs, judged on others (docs/pretraining-planner.md)."""
GPU_HOURS_BETWEEN_FAILURES = Span(100_000.0, 50_700.0, 24_900.0)
"""Of one GPU. Likely: Llama 3's 419 unexpected interruptions on 16,384 GPUs in 54 days (arXiv:2407.21783 table 5); high
failures: OPT-175B's 53 or 54 restarts on 992 GPUs in 56 days (talk of S. Zhang, notes at zrss.github.io); low: half of
Llama 3's. The order is that of the failures, so the hours fall."""
RESTART_SECONDS = Span(300.0, 600.0, 1800.0)
"""Until it trains again, without reading the checkpoint. Llama 3: 466 interruptions in 54 days at more than 90% of
effective time leave at most 17 minutes for each, work done twice included, of which half an interval is 5."""
HOST_COPY_GB_S = 8.0
"""From a GPU to its host: PCIe 4.0, shared. An asynchronous checkpoint stops the training for that long."""
BARRIER_SECONDS = 2.0
STORAGE_GB_S_A_NODE = 0.5
"""If nothing is known of the file system."""
LEAST_INTERVAL_SECONDS = 600.0
MOST_INTERVAL_SECONDS = 4 * 3600.0
HOURS = 3600.0


@dataclass(frozen=True)
class Checkpointing:
    """Of one run on one cluster."""

    gib: float
    stall_seconds: float
    write_seconds: float
    steps: int
    """Between two."""


@dataclass(frozen=True)
class Duration:
    """From start to end, in seconds; failures, and what they cost."""

    seconds: float
    failures: float
    lost_seconds: float


def checkpointing(
    size: float, *, nodes: int, gpus: int, step_seconds: float, storage_gb_s: float | None, every_steps: int | None
) -> Checkpointing:
    """Times of a checkpoint of so many bytes; every how many steps, unless that is given."""
    stall = BARRIER_SECONDS + size / gpus / (HOST_COPY_GB_S * 1e9)
    write = size / ((storage_gb_s or STORAGE_GB_S_A_NODE * nodes) * 1e9)
    if every_steps is None:
        between = GPU_HOURS_BETWEEN_FAILURES.likely * HOURS / gpus
        wished = math.sqrt(2 * stall * between)
        interval = max(LEAST_INTERVAL_SECONDS, 1.2 * write, min(MOST_INTERVAL_SECONDS, wished))
        every_steps = max(1, round(interval / step_seconds))
    return Checkpointing(size / 2**30, stall, write, every_steps)


def duration(
    training_seconds: float, step_seconds: float, saving: Checkpointing | None, *, gpus: int, which: str
) -> Duration:
    """`which` is `low`, `likely` or `high`. Without checkpoints each failure starts the run anew."""
    between = getattr(GPU_HOURS_BETWEEN_FAILURES, which) * HOURS / gpus
    restart = getattr(RESTART_SECONDS, which)
    if saving is None:
        # The expected time until `training_seconds` pass without a failure (exponential failures).
        whole = (between + restart) * math.expm1(min(training_seconds / between, 50.0))
        return Duration(whole, whole / between, max(0.0, whole - training_seconds))
    interval = saving.steps * step_seconds
    stalled = training_seconds * (1 + saving.stall_seconds / interval)
    # Half an interval is done again, and what was being written; reading takes as long as writing.
    each = interval / 2 + 2 * saving.write_seconds + restart
    share = min(each / between, 0.9)
    whole = stalled / (1 - share)
    return Duration(whole, whole / between, whole * share)
