"""How fast an instance serves or trains an open model, and so what a million tokens or a training run costs.

Estimates between a low and a high figure, from the GPU's data sheet and the share of it that public benchmarks reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from llmstrat_iac.catalog.sizing.contract import Fit, ServingNeed, TrainingNeed


@dataclass(frozen=True)
class Range:
    """An estimate: it is expected to be between the two."""

    low: float
    high: float


def serving_tokens_per_second(need: ServingNeed, fit: Fit, *, concurrency: int | None = None) -> Range | None:
    """Output tokens a second of one replica with `concurrency` sequences at once; None if the GPU's speed is unknown."""
    raise NotImplementedError


def prefill_tokens_per_second(need: ServingNeed, fit: Fit) -> Range | None:
    """Input tokens a second of one replica; None if the GPU's speed is unknown."""
    raise NotImplementedError


def training_tokens_per_second(need: TrainingNeed, fit: Fit) -> Range | None:
    """Tokens a second that all GPUs train on together; None if the GPU's speed is unknown."""
    raise NotImplementedError


def training_hours(need: TrainingNeed, fit: Fit, *, tokens: float) -> Range | None:
    """Hours for `tokens`, all epochs together, start-up not included; None if the GPU's speed is unknown."""
    raise NotImplementedError


def usd_per_million_tokens(usd_per_hour: float, speed: Range) -> Range:
    """Of a busy replica, cheapest and dearest."""
    raise NotImplementedError
