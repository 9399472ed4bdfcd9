"""What AWS bills for the parts of a gateway, by region, from `aws_prices.csv`: on-demand, first tier, no free tier.

A price that no source was found for isn't in the file, and is unknown: neither zero nor another region's price.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class AwsPrice:
    """The price of one unit in US dollars; None if unknown."""

    unit: str
    usd: float | None
    source: str
    as_of: str


def aws_price(item: str, region: str) -> AwsPrice:
    """The price of a known item in a region. KeyError for an item that the file has nowhere."""
    prices, units = _table()
    return prices.get((item, region)) or AwsPrice(units[item], None, "not in the catalogue for this region", "")


@lru_cache(maxsize=1)
def _table() -> tuple[dict[tuple[str, str], AwsPrice], dict[str, str]]:
    with Path(__file__).with_name("aws_prices.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    prices = {
        (row["item"], row["region"]): AwsPrice(row["unit"], float(row["usd"]), row["source"], row["as_of"])
        for row in rows
    }
    return prices, {row["item"]: row["unit"] for row in rows}
