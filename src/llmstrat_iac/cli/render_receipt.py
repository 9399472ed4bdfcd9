"""Prints the receipt of a teardown."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from llmstrat_iac.cli.live import short_type
from llmstrat_iac.cli.text import count, money
from llmstrat_iac.operations.receipt import Cost, Receipt
from llmstrat_iac.plan import Total


def print_receipt(console: Console, receipt: Receipt, path: Path) -> None:
    """The receipt as a table: what there was, what is gone, what is left, and what it cost."""
    lived = "" if receipt.lived_hours is None else f", lived {_hours(receipt.lived_hours)}"
    console.print(f"\n[bold]Receipt[/bold] for {receipt.stack} ({receipt.strategy}, {receipt.region}{lived})")
    if receipt.lines:
        console.print(_resources(receipt))
    for failure in receipt.failures:
        console.print(f"[red]not destroyed:[/red] {failure}")
    for leftover in receipt.leftovers:
        state = "[yellow]removed by the sweep[/yellow]" if leftover.removed else "[red]left[/red]"
        billed = " (billed)" if leftover.billed and not leftover.removed else ""
        console.print(f"{state}: {leftover.type} {leftover.id}{billed} {leftover.detail}")
    for kept in receipt.kept:
        console.print(f"kept on purpose: {kept}")
    console.print(f"Cost while it lived: {_cost(receipt)}")
    verdict = (
        "[green]Nothing is left.[/green]"
        if receipt.clean
        else "[red]Something is left: see above, then run it again.[/red]"
    )
    console.print(verdict)
    console.print(f"[dim]kept as {path}[/dim]", soft_wrap=True)


def _resources(receipt: Receipt) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Resource")
    table.add_column("There were", justify="right")
    table.add_column("Gone", justify="right")
    for line in receipt.lines:
        table.add_row(short_type(line.type), str(line.created), str(line.destroyed))
    table.add_section()
    created, gone = (sum(getattr(line, name) for line in receipt.lines) for name in ("created", "destroyed"))
    table.add_row("all", str(created), str(gone), style="bold")
    return table


def _cost(receipt: Receipt) -> str:
    return _while_it_lived(receipt.cost) + _jobs(receipt.cost.each_job)


def _jobs(each: Total | None) -> str:
    if each is None:
        return ""
    unknown = f" and {count(len(each.unknown), 'unknown price')}" if each.unknown else ""
    return f"; jobs aren't counted, each {money(each.usd)} USD{unknown} by the plan"


def _while_it_lived(cost: Cost) -> str:
    fixed = _usd(cost.fixed_usd)
    if cost.requests is None:
        return f"fixed {fixed}, tokens unknown"
    requests = f"{cost.requests} request{'' if cost.requests == 1 else 's'}"
    tokens = _usd(cost.tokens_usd)
    unpriced = f", {cost.unpriced_requests} of them without a known price" if cost.unpriced_requests else ""
    return f"fixed {fixed}, tokens {tokens} ({requests}{unpriced})"


def _usd(usd: float | None) -> str:
    return "unknown" if usd is None else f"{money(usd)} USD"


def _hours(hours: float) -> str:
    if hours * 60 < 1:
        return "less than a minute"
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.1f} h"
