"""What is known about a closed model: price, context window, lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class ModelInfo:
    """A closed model as its vendor sells it. Prices in US dollars per million tokens; None is unknown, never zero."""

    id: str
    usd_per_mtok_input: float | None
    usd_per_mtok_output: float | None
    source: str
    as_of: str
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    retires: date | None = None
    """First day on which the vendor no longer serves the model; None if not announced."""
    replacement: str | None = None
