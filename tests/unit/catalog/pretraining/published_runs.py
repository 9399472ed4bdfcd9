"""Whole runs with published GPU hours, and what the planner says of them; docs/pretraining-planner.md.

`part` in `data/whole_runs.csv` was fixed before a run was compared: the planner's run factor and range are set on
`calibrated` and judged on `held out`; what those then taught about formulas is judged on `checked last`.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from planner_agreement import shape as named_shape

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Degrees, Run, Span, Wish
from llmstrat_iac.catalog.pretraining.search import search

DATA = Path(__file__).with_name("data")
PARTS = ("calibrated", "held out", "checked last")


@dataclass(frozen=True)
class WholeRun:
    """GPU hours as published, beside ours and their range."""

    name: str
    family: str
    part: str
    instance: str
    as_of: str
    measured: float
    parameters: int
    """That a token meets."""
    experts: bool
    plan: ClusterPlan

    @property
    def hours(self) -> Span:
        """Of all GPUs."""
        gpus, days = self.plan.degrees.gpus * 24, self.plan.days
        return Span(days.low * gpus, days.likely * gpus, days.high * gpus)

    @property
    def relative(self) -> float:
        """Of the published hours."""
        return self.hours.likely / self.measured - 1

    @property
    def inside(self) -> bool:
        """Whether the range contains what was published."""
        return self.hours.low <= self.measured <= self.hours.high


@dataclass(frozen=True)
class Agreement:
    """Of several runs."""

    runs: int
    median: float
    """Of the error's size."""
    bias: float
    """Median of the error: above 0 if we say too many hours."""
    inside: float
    """Share within the range."""


def whole_runs(part: str | None = None) -> list[WholeRun]:
    """As `train-plan` would do them on as many GPUs, divided as published where that is known."""
    return [_whole_run(row) for row in _rows("whole_runs.csv") if part in (None, row["part"])]


def agreement(runs: Iterable[WholeRun]) -> Agreement:
    """Of these."""
    errors = [(run.relative, run.inside) for run in runs]
    return Agreement(
        len(errors),
        statistics.median(abs(error) for error, _ in errors),
        statistics.median(error for error, _ in errors),
        sum(inside for _, inside in errors) / len(errors),
    )


@dataclass(frozen=True)
class EnergyRun:
    """MWh of a run's GPUs as measured, beside ours."""

    name: str
    measured: float
    megawatt_hours: Span
    source: str


def energy_runs() -> list[EnergyRun]:
    """The boards alone: neither hosts nor cooling were measured."""
    return [_energy_run(row) for row in _rows("energy_runs.csv")]


def _energy_run(row: dict[str, str]) -> EnergyRun:
    best = _planned(row)
    assert best.energy is not None
    hours, watts = best.degrees.gpus * 24 / 1e6, best.energy.board_watts
    used = [getattr(best.days, which) * hours * getattr(watts, which) for which in ("low", "likely", "high")]
    return EnergyRun(row["name"], float(row["megawatt_hours"]), Span(*used), row["source"])


def _whole_run(row: dict[str, str]) -> WholeRun:
    shape = _shape(row["model"])
    return WholeRun(
        name=row["name"],
        family=row["family"],
        part=row["part"],
        instance=row["instance"],
        as_of=row["as_of"],
        measured=float(row["gpu_hours"]),
        parameters=shape.active_parameters,
        experts=shape.experts is not None,
        plan=_planned(row),
    )


def _planned(row: dict[str, str]) -> ClusterPlan:
    known = find_instance(row["instance"])
    assert known is not None, row["instance"]
    instance = replace(known, network_gbps=float(row["network_gbps"]))
    *numbers, activations = row.get("degrees", "").split() or [""]
    run = Run(
        architecture=_shape(row["model"]),
        tokens=round(float(row["tokens"])),
        sequence_length=int(row["sequence_length"]),
        batch_sequences=int(row["batch"]),
        precision=row["precision"],
        compile=True,
        checkpoints=True,
        checkpoint_steps=None,
        degrees=Degrees(*map(int, numbers), activations=activations) if numbers else None,
    )
    found = search(run, Wish(instance, int(row["nodes"])), price=_no_price)
    assert found.best is not None, (row["name"], found.refused)
    return found.best


def _no_price(_instance: InstanceType) -> AwsPrice:
    return AwsPrice("hour", None, "", "")


@lru_cache(maxsize=128)
def _shape(name: str) -> Architecture:
    for row in _rows("shapes.csv"):
        if row["name"] == name:
            return Architecture.from_row(row)
    return named_shape(name)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
