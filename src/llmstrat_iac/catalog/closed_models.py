"""Prices and lifecycles of the built-in providers' models, from `closed_models.csv` and `retirements.csv`.

Vendors change both; each row carries its source and date, and `plan` prints them. An empty cell is unknown.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.catalog.models import ModelInfo


@lru_cache(maxsize=8)
def closed_models(provider: str) -> tuple[ModelInfo, ...]:
    """The known models of a built-in provider, by id."""
    retirements = {row["id"]: row for row in _rows("retirements.csv") if row["provider"] == provider}
    models = {row["id"]: _model(row) for row in _rows("closed_models.csv") if row["provider"] == provider}
    for identity, row in retirements.items():
        known = models.get(identity) or ModelInfo(identity, None, None, row["source"], row["as_of"])
        models[identity] = replace(
            known, retires=date.fromisoformat(row["retires"]), replacement=row["replacement"] or None
        )
    return tuple(models[identity] for identity in sorted(models))


def _rows(name: str) -> Iterator[dict[str, str]]:
    # Beside this module in every installation; importlib.resources would take longer to import than the file to read.
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _model(row: dict[str, str]) -> ModelInfo:
    return ModelInfo(
        id=row["id"],
        usd_per_mtok_input=float(row["usd_per_mtok_input"]) if row["usd_per_mtok_input"] else None,
        usd_per_mtok_output=float(row["usd_per_mtok_output"]) if row["usd_per_mtok_output"] else None,
        source=row["source"],
        as_of=row["as_of"],
        max_input_tokens=int(row["max_input_tokens"]) if row["max_input_tokens"] else None,
        max_output_tokens=int(row["max_output_tokens"]) if row["max_output_tokens"] else None,
        retires=date.fromisoformat(row["retires"]) if row["retires"] else None,
        replacement=row["replacement"] or None,
    )
