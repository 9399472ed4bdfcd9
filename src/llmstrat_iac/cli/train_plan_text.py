"""Draws `train-plan`'s days against cost with characters, for a terminal: a letter for each instance type."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Search
from llmstrat_iac.cli.train_plan_chart import Scale, Series, scales, series_of, short

_ROWS, _MOST, _MARGIN = 16, 76, 14
_LETTERS = "abcdefgh"
_BEST = "◉"


def render_text(found: Search, width: int) -> list[str]:
    """Lines at most so wide, and 100; none if no price is known."""
    series = series_of(found)
    if not series:
        return []
    days, usd = scales(series)
    grid = [[" "] * min(_MOST, width - _MARGIN) for _ in range(_ROWS)]
    # The cheapest is drawn last, over what is behind it.
    for letter, each in reversed(list(zip(_LETTERS, series, strict=False))):
        for plan in each.plans:
            _put(grid, plan, letter, days, usd)
    if found.best is not None:
        _put(grid, found.best, _BEST, days, usd)
    return [*_framed(grid, usd), *_below(days, len(grid[0])), *_legend(series, width)]


def _put(grid: list[list[str]], plan: ClusterPlan, sign: str, days: Scale, usd: Scale) -> None:
    if plan.usd is None:
        return
    column, row = days.place(plan.days.likely), usd.place(plan.usd.likely)
    if 0 <= column <= 1 and 0 <= row <= 1:
        grid[_ROWS - 1 - round(row * (_ROWS - 1))][round(column * (len(grid[0]) - 1))] = sign


def _framed(grid: list[list[str]], usd: Scale) -> Iterator[str]:
    marks = {_ROWS - 1 - round(usd.place(value) * (_ROWS - 1)): short(value) for value in usd.marks()}
    for number, cells in enumerate(grid):
        label = marks.get(number, "")
        yield f"  {label:>6} {'┤' if label else '│'}{''.join(cells)}".rstrip()


def _below(days: Scale, columns: int) -> Iterator[str]:
    axis, labels = ["─"] * columns, [" "] * (columns + 8)
    for value in days.marks():
        column = round(days.place(value) * (columns - 1))
        axis[column] = "┬"
        for offset, sign in enumerate(short(value)):
            labels[column + offset] = sign
    yield f"  {'USD':>6} └{''.join(axis)}"
    yield f"{'':10}{''.join(labels).rstrip()}  days"


def _legend(series: list[Series], width: int) -> Iterator[str]:
    entries = [
        f"{letter} {each.name} {each.plans[0].nodes}-{each.plans[-1].nodes}"
        for letter, each in zip(_LETTERS, series, strict=False)
    ]
    beside = max(1, (width - 2) // 31)
    for start in range(0, len(entries), beside):
        yield "  " + "   ".join(f"{entry:<28}" for entry in entries[start : start + beside]).rstrip()
    yield f"  {_BEST} best; numbers are nodes, from right to left"
