"""Draws `train-plan --plot FILE.svg`: days against cost, a line for each instance type, points labelled by nodes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Search, Wish
from llmstrat_iac.cli.train_plan_chart import Scale, Series, scales, series_of, short

_WIDTH, _HEIGHT = 960, 600
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 190, 60, 60
# Okabe and Ito's palette, which the colour-blind can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
_LABEL_GAP = 26


def render_svg(title: str, found: Search, wish: Wish) -> str:
    """The picture as a document; without a known price it says so."""
    series = series_of(found)
    parts = [_open(title)]
    if series:
        days, usd = scales(series)
        parts += _axes(days, usd)
        parts += _limits(days, usd, wish)
        labelled: list[tuple[float, float]] = []
        for index, each in enumerate(series):
            parts += _line(each, _COLOURS[index], days, usd, index, labelled)
        parts += _best(found.best, days, usd)
    else:
        parts.append(_text(_WIDTH / 2, _HEIGHT / 2, "no price is known", anchor="middle"))
    return "\n".join([*parts, "</svg>", ""])


def _open(title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="sans-serif" font-size="13">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        + _text(_LEFT, 32, f"{title}: days and cost by instance and number of nodes", size=17)
    )


def _axes(days: Scale, usd: Scale) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for value in days.marks():
        x = _x(days, value)
        yield _rule(x, _TOP, x, bottom)
        yield _text(x, bottom + 20, short(value), anchor="middle")
    for value in usd.marks():
        y = _y(usd, value)
        yield _rule(_LEFT, y, right, y)
        yield _text(_LEFT - 8, y + 4, short(value), anchor="end")
    yield _text((_LEFT + right) / 2, _HEIGHT - 14, "days, likely (logarithmic)", anchor="middle")
    yield _text(_LEFT - 8, _TOP - 10, "USD", anchor="end")


def _limits(days: Scale, usd: Scale, wish: Wish) -> Iterator[str]:
    deadline, budget = wish.deadline_days, wish.budget_usd
    if deadline is not None and days.low < deadline < days.high:
        x = _x(days, deadline)
        yield _rule(x, _TOP, x, _HEIGHT - _BOTTOM, colour="#444", dashes=True)
        yield _text(x - 5, _TOP + 14, "deadline", anchor="end")
    if budget is not None and usd.low < budget < usd.high:
        y = _y(usd, budget)
        yield _rule(_LEFT, y, _WIDTH - _RIGHT, y, colour="#444", dashes=True)
        yield _text(_LEFT + 6, y - 5, "budget")


def _line(
    series: Series, colour: str, days: Scale, usd: Scale, index: int, labelled: list[tuple[float, float]]
) -> Iterator[str]:
    """`labelled` are the places that have a number already, of any series: two would hide each other."""
    shown = [(plan, place) for plan in series.plans if (place := _place(plan, days, usd)) is not None]
    corners = " ".join(f"{x:.1f},{y:.1f}" for _, (x, y) in shown)
    yield f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for plan, (x, y) in shown:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{escape(_told(plan))}</title></circle>'
        if all(abs(x - left) + 1.5 * abs(y - top) > _LABEL_GAP for left, top in labelled):
            yield _text(x, y - 8, str(plan.nodes), anchor="middle", size=11, colour=colour)
            labelled.append((x, y))
    y = _TOP + 20 + 24 * index
    yield f'<circle cx="{_WIDTH - _RIGHT + 22}" cy="{y - 4}" r="5" fill="{colour}"/>'
    yield _text(_WIDTH - _RIGHT + 34, y, series.name, colour=colour)


def _best(best: ClusterPlan | None, days: Scale, usd: Scale) -> Iterator[str]:
    place = None if best is None else _place(best, days, usd)
    if best is None or place is None:
        return
    yield f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="9" fill="none" stroke="black" stroke-width="2"/>'
    y = _HEIGHT - _BOTTOM - 20
    yield f'<circle cx="{_WIDTH - _RIGHT + 22}" cy="{y - 4}" r="7" fill="none" stroke="black" stroke-width="2"/>'
    yield _text(_WIDTH - _RIGHT + 34, y, f"best: {best.nodes} nodes")
    yield _text(_WIDTH - _RIGHT + 34, y - 44, "numbers: nodes", colour="#444")


def _told(plan: ClusterPlan) -> str:
    cost = "" if plan.usd is None else f", {plan.usd.likely:,.0f} USD"
    days = f"{plan.days.likely:.1f} days ({plan.days.low:.1f} to {plan.days.high:.1f})"
    return f"{plan.nodes} x {plan.instance.name}: {days}{cost}, MFU {plan.mfu.likely:.0%}"


def _place(plan: ClusterPlan, days: Scale, usd: Scale) -> tuple[float, float] | None:
    """None if it is off the scales."""
    if plan.usd is None or plan.usd.likely > usd.high or not days.low <= plan.days.likely <= days.high:
        return None
    return _x(days, plan.days.likely), _y(usd, plan.usd.likely)


def _x(days: Scale, value: float) -> float:
    return _LEFT + days.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _y(usd: Scale, value: float) -> float:
    return _HEIGHT - _BOTTOM - usd.place(value) * (_HEIGHT - _TOP - _BOTTOM)


def _rule(x1: float, y1: float, x2: float, y2: float, *, colour: str = "#ddd", dashes: bool = False) -> str:
    dashed = ' stroke-dasharray="6 4"' if dashes else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashed}/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 13, colour: str = "#222") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{escape(text)}</text>'
