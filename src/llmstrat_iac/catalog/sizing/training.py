"""Which GPU instance types fine-tune an open model with TRL: memory of each GPU in parts, the cheapest that fits."""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.sizing.contract import Choice, Price, TrainingNeed


def choose_training(need: TrainingNeed, *, price: Price, candidates: Iterable[InstanceType] | None = None) -> Choice:
    """Every instance type (or every candidate) with its memory and price, or why it doesn't fit."""
    raise NotImplementedError
