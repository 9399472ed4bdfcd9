"""The energy of a run, from the wall of the data centre: GPU boards, the rest of each node, and cooling.

Power is in `power.csv`, data centres and their grids are in `data_centres.csv`. What isn't known stays unknown.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.catalog.pretraining.accelerators import training_gpu
from llmstrat_iac.catalog.pretraining.contract import Energy, Span

AVERAGE_PUE = Span(1.04, 1.14, 1.46)
"""Where a region's own isn't known: AWS's average of 2025 (sustainability.aboutamazon.com/environment/the-cloud/asdi),
between its best site and the worst region of 2024."""
REGIONS_SOURCE = "Green-Software-Foundation/real-time-cloud@06796bf1 Cloud_Region_Metadata.csv, 2024"
"""AWS's PUE of a region, and its grid's average CO2 a kWh by location; power that AWS buys elsewhere isn't counted."""


@dataclass(frozen=True)
class DataCentre:
    """Those of a region."""

    pue: Span
    """Energy of the whole over that of its machines."""
    grid_g_co2_kwh: float | None
    source: str


def energy(instance: InstanceType, gpus: int, days: Span, region: str | None) -> Energy | None:
    """Of a run of so many days; None if the power of these GPUs while they train isn't known."""
    row, gpu = _rows("power.csv", "accelerator").get(instance.accelerator), training_gpu(instance)
    if row is None or gpu is None:
        return None
    centre = data_centre(region)
    boards = _span(lambda which: gpu.board_watts * float(row[f"share_{which}"]))
    host = _span(lambda which: float(row[f"host_watts_{which}"]))
    watts = _span(lambda which: getattr(boards, which) + getattr(host, which))
    used = _span(
        lambda which: getattr(days, which) * 24 * gpus * getattr(watts, which) / 1000 * getattr(centre.pue, which)
    )
    grid = centre.grid_g_co2_kwh
    return Energy(
        kilowatt_hours=used,
        board_watts=boards,
        host_watts=host,
        pue=centre.pue,
        co2_tonnes=None if grid is None else _span(lambda which: getattr(used, which) * grid / 1e6),
        sources=(
            f"a GPU's {gpu.board_watts:,.0f} W ({row['board_source']})",
            f"its share while training ({row['share_source']})",
            f"the rest of the node ({row['host_source']})",
            f"the data centre ({centre.source})",
        ),
    )


def data_centre(region: str | None) -> DataCentre:
    """A region's, or AWS's average."""
    row = _rows("data_centres.csv", "region").get(region or "")
    if row is None:
        why = "AWS's average of 2025, sustainability.aboutamazon.com" + (f"; {region}'s isn't known" if region else "")
        return DataCentre(AVERAGE_PUE, None, why)
    pue, grid = float(row["pue"]), row["grid_g_co2_kwh"]
    return DataCentre(Span(pue, pue, pue), float(grid) if grid else None, f"{region}: {REGIONS_SOURCE}")


@lru_cache(maxsize=2)
def _rows(name: str, key: str) -> dict[str, dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return {row[key]: row for row in csv.DictReader(file)}


def _span(value: Callable[[str], float]) -> Span:
    return Span(value("low"), value("likely"), value("high"))
