"""What both plots of `train-plan` show: days against cost on logarithmic scales, a series for each instance type."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Search

MOST_SERIES = 8


@dataclass(frozen=True)
class Series:
    """The plans of one instance type whose price is known, by nodes."""

    name: str
    plans: tuple[ClusterPlan, ...]


@dataclass(frozen=True)
class Scale:
    """A logarithmic scale that starts and ends at a round number."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """0 at its start, 1 at its end."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def marks(self) -> Iterator[float]:
        """1, 2 and 5 times a power of ten; the powers alone where there would be many."""
        decades = math.log10(self.high / self.low)
        for power in range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1):
            for factor in (1, 2, 5) if decades < 3.5 else (1,):
                value = factor * 10.0**power
                if self.low * 0.999 <= value <= self.high * 1.001:
                    yield value


def series_of(found: Search) -> list[Series]:
    """Those of the instance types that come cheapest, so that the picture stays readable."""
    by_name: dict[str, list[ClusterPlan]] = {}
    for plan in found.alternatives:
        if plan.usd is not None:
            by_name.setdefault(plan.instance.name, []).append(plan)
    made = [Series(name, tuple(sorted(plans, key=lambda plan: plan.nodes))) for name, plans in by_name.items()]
    return made[:MOST_SERIES]


def scales(series: list[Series]) -> tuple[Scale, Scale]:
    """Of days and of US dollars; what costs more than eight times the cheapest is cut off."""
    usd = [plan.usd.likely for each in series for plan in each.plans if plan.usd is not None]
    most = 8 * min(usd)
    shown = [plan for each in series for plan in each.plans if plan.usd is not None and plan.usd.likely <= most]
    days = [plan.days.likely for plan in shown]
    costs = [plan.usd.likely for plan in shown if plan.usd is not None]
    return Scale(_round_down(min(days)), _round_up(max(days))), Scale(_round_down(min(costs)), _round_up(max(costs)))


def short(value: float) -> str:
    """`1.5M`, `200k`, `30`, `0.5`."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value * 1.0001)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min(factor * power for factor in (1, 2, 5, 10, 20) if factor * power > value * 1.02)
