"""Models that vendors tune, from `tunable_models.csv`: ids, regions, prices of training and hosting, closing dates.

Vendors add and withdraw bases within weeks; each row carries its source and date, and the preflight asks the vendor.
An empty cell is unknown.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class TunableBase:
    """A model that a vendor tunes. Prices in US dollars; None is unknown, never zero."""

    id: str
    """As the vendor's tuning API wants it; often not the id that is called."""
    title: str
    inference_id: str | None
    """Id under which the untuned model is called; None if the vendor doesn't serve it so."""
    source: str
    as_of: str
    methods: tuple[str, ...] = ("supervised",)
    """Of `supervised` and `preference`."""
    regions: tuple[str, ...] = ()
    """AWS regions in which it can be tuned; empty if the vendor isn't bound to AWS regions, or they aren't known."""
    serving: tuple[str, ...] = ()
    """Ways in which the vendor serves the tuned model, in the vendor's words; empty if not known."""
    usd_per_mtok_training: float | None = None
    """A million tokens once through; epochs multiply it."""
    usd_per_mtok_input: float | None = None
    usd_per_mtok_output: float | None = None
    """Of calling the tuned model by token."""
    usd_hosting_hour: float | None = None
    """Of one unit that hosts the tuned model by the hour, where the vendor sells that."""
    hosting_units: int | None = None
    """Units that one copy of the tuned model takes."""
    usd_month_storage: float | None = None
    """Of keeping the tuned model, called or not."""
    jobs_end: date | None = None
    """First day on which the vendor refuses new jobs."""
    retires: date | None = None
    """First day on which the base, and all that was tuned from it, isn't served any more."""
    alternative: str | None = None
    """What to use instead of a base that retires or can't be tuned for long."""
    eula: str | None = None
    """Licence that must be accepted; None if there is none."""


@lru_cache(maxsize=8)
def tunable_models(provider: str) -> tuple[TunableBase, ...]:
    """The known bases of a built-in provider."""
    with Path(__file__).with_name("tunable_models.csv").open(encoding="utf-8", newline="") as file:
        return tuple(_base(row) for row in csv.DictReader(file) if row["provider"] == provider)


def _base(row: dict[str, str]) -> TunableBase:
    return TunableBase(
        id=row["id"],
        title=row["title"],
        inference_id=row["inference_id"] or None,
        source=row["source"],
        as_of=row["as_of"],
        methods=tuple(row["methods"].split()),
        regions=tuple(row["regions"].split()),
        serving=tuple(row["serving"].split()),
        usd_per_mtok_training=_number(row["usd_per_mtok_training"]),
        usd_per_mtok_input=_number(row["usd_per_mtok_input"]),
        usd_per_mtok_output=_number(row["usd_per_mtok_output"]),
        usd_hosting_hour=_number(row["usd_hosting_hour"]),
        hosting_units=int(row["hosting_units"]) if row["hosting_units"] else None,
        usd_month_storage=_number(row["usd_month_storage"]),
        jobs_end=_day(row["jobs_end"]),
        retires=_day(row["retires"]),
        alternative=row["alternative"] or None,
        eula=row["eula"] or None,
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
