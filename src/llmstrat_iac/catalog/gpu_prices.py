"""What GPU instances cost by the hour, from `gpu_prices.csv`: EC2's and SageMaker's, by region and use.

On-demand prices only: spot prices change by the hour and by zone, so that a file can't know them. A price that no
source was found for isn't in the file, and is unknown: neither zero nor another region's price.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.catalog.aws_prices import AwsPrice

UNIT = "hour"


def ec2_price(name: str, region: str, capacity: str = "on-demand") -> AwsPrice:
    """US dollars an hour of an EC2 instance (Linux); `capacity` is `on-demand` or `spot`."""
    return _price(("ec2", name, region, "any"), capacity)


def sagemaker_price(name: str, region: str, use: str, capacity: str = "on-demand") -> AwsPrice:
    """US dollars an hour of SageMaker's instance, by EC2's name; `use` is `training` or `serving`."""
    return _price(("sagemaker", name.removeprefix("ml."), region, use), capacity)


def _price(key: tuple[str, str, str, str], capacity: str) -> AwsPrice:
    if capacity != "on-demand":
        return AwsPrice(UNIT, None, f"{capacity} prices change by the hour and aren't in the catalogue", "")
    return _table().get(key) or AwsPrice(UNIT, None, "not in the catalogue for this region", "")


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str, str, str], AwsPrice]:
    with Path(__file__).with_name("gpu_prices.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["service"], row["instance"], row["region"], row["use"]): AwsPrice(
                UNIT, float(row["usd"]), row["source"], row["as_of"]
            )
            for row in csv.DictReader(file)
        }
