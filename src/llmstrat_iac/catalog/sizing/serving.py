"""Which GPU instance types serve an open model with vLLM: memory of each GPU in parts, the cheapest that fits."""

from __future__ import annotations

from collections.abc import Iterable

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.sizing.contract import Choice, Price, ServingNeed


def choose_serving(need: ServingNeed, *, price: Price, candidates: Iterable[InstanceType] | None = None) -> Choice:
    """Every instance type (or every candidate) with its memory and price, or why it doesn't fit."""
    raise NotImplementedError
