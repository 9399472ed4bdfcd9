"""How `train-plan --energy` shows what a run takes from the grid: kWh and CO2, what they are made of, and sources."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from rich.console import Console

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Span
from llmstrat_iac.cli.render import print_table, table
from llmstrat_iac.cli.text import UNKNOWN, columns

_UNMEASURED = "how much power {} takes while it trains isn't known"


def energy_row(plan: ClusterPlan) -> tuple[str, str, str, str]:
    """Among the figures of a plan."""
    if plan.energy is None:
        return "kWh", UNKNOWN, "", _UNMEASURED.format(plan.instance.accelerator)
    used = plan.energy.kilowatt_hours
    return "kWh", _whole(used.likely), _between(used), "of the data centre; --energy shows the parts"


def likely_kwh(plan: ClusterPlan) -> str:
    """In a table."""
    return UNKNOWN if plan.energy is None else _whole(plan.energy.kilowatt_hours.likely)


def print_energy(out: Console, plan: ClusterPlan) -> None:
    """A section of its own."""
    out.print(f"\n[bold]Energy[/]  of {plan.nodes} x {plan.instance.name}, from start to end")
    if plan.energy is None:
        out.print(f"  {UNKNOWN}: {_UNMEASURED.format(plan.instance.accelerator)}")
        return
    shown = table("  what", "likely", "between", "", right=("likely",), wrap=("",))
    shown.show_header = False
    for what, value, between, note in _parts(plan):
        shown.add_row(f"  {what}", value, f"[dim]{between}[/]", f"[dim]{note}[/]")
    print_table(out, shown)
    for line in textwrap.wrap("by: " + "; ".join(plan.energy.sources), columns() - 2, break_on_hyphens=False):
        out.print(f"  [dim]{line}[/]", markup=True)


def _parts(plan: ClusterPlan) -> Iterator[tuple[str, str, str, str]]:
    found = plan.energy
    assert found is not None
    yield "kWh", _whole(found.kilowatt_hours.likely), _between(found.kilowatt_hours), "GPUs, nodes and data centre"
    yield "W a GPU", _whole(found.board_watts.likely), _between(found.board_watts), "its board, while it trains"
    yield "W a GPU", _whole(found.host_watts.likely), _between(found.host_watts), "the rest of its node"
    pue = found.pue
    spread = "" if pue.low == pue.high else f"{pue.low:.2f} to {pue.high:.2f}"
    yield "PUE", f"{pue.likely:.2f}", spread, "of the data centre, cooling included"
    if found.co2_tonnes is None:
        yield "t CO2", UNKNOWN, "", "the region, or its grid, isn't known"
    else:
        yield "t CO2", _whole(found.co2_tonnes.likely), _between(found.co2_tonnes), "by the region's grid, on average"


def _between(span: Span) -> str:
    return f"{_whole(span.low)} to {_whole(span.high)}"


def _whole(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
