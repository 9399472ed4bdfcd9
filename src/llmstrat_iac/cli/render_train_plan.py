"""How `llmstrat train-plan` shows a search: the best cluster, its memory, the alternatives, why not others, a plot."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console

from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Degrees, Run, Search, Span, Wish
from llmstrat_iac.catalog.pretraining.search import DEFAULT_DEADLINE_DAYS, aimed, keeps
from llmstrat_iac.cli.render import console, print_table, table
from llmstrat_iac.cli.text import UNKNOWN, columns, count
from llmstrat_iac.cli.train_plan_energy import energy_row, likely_kwh, print_energy
from llmstrat_iac.cli.train_plan_text import render_text

_ALTERNATIVES = 18
_REFUSED = 10
_TIMES_AS_DEAR = 2
"""What costs more than that many times the cheapest is shown only if it is the best of its type."""


def train_plan_document(title: str, run: Run, found: Search) -> dict[str, Any]:
    """Plain data for `--json`."""
    return {
        "model": title,
        "parameters": run.architecture.parameters,
        "active_parameters": run.architecture.active_parameters,
        "tokens": run.tokens,
        "sequence_length": run.sequence_length,
        "batch_sequences": run.batch_sequences,
        "precision": run.precision,
        "best": _document(found.best) if found.best else None,
        "alternatives": [_document(plan) for plan in found.alternatives],
        "refused": [
            {"instance": each.instance.name, "nodes": each.nodes, "reason": each.reason} for each in found.refused
        ],
    }


def print_train_plan(title: str, run: Run, wish: Wish, found: Search, *, plot: bool, energy: bool) -> None:
    """Print it, at most 100 columns wide."""
    out = console()
    shape = run.architecture
    size = f"{shape.parameters / 1e9:,.3g} billion parameters"
    if shape.experts:
        size += f", {shape.active_parameters / 1e9:,.3g} of them at once"
    out.print(f"[bold]{title}[/]  {size}, {_billions(run.tokens)} tokens, sequences of {run.sequence_length:,}")
    step = run.batch_sequences * run.sequence_length / 1e6
    out.print(f"{run.batch_sequences:,} sequences a step ({step:,.3g}M tokens), {run.precision}; {_aim(wish)}")
    if found.best is not None:
        _print_best(out, found.best)
        if energy:
            print_energy(out, found.best)
    _print_alternatives(out, found, wish, energy=energy)
    if plot and (lines := render_text(found, columns())):
        out.print("\n[bold]Days against cost[/]")
        for line in lines:
            click.echo(line)
    _print_refused(out, found)


def _aim(wish: Wish) -> str:
    parts = []
    if wish.deadline_days is not None:
        parts.append(f"within {wish.deadline_days:,.3g} days")
    if wish.budget_usd is not None:
        parts.append(f"for at most {wish.budget_usd:,.0f} USD")
    if wish.nodes is not None:
        parts.insert(0, f"on {count(wish.nodes, 'node')}")
    return ", ".join(parts) if parts else f"within {DEFAULT_DEADLINE_DAYS:g} days, since nothing else is said"


def _print_best(out: Console, plan: ClusterPlan) -> None:
    instance = plan.instance
    gpus = f"{plan.nodes * instance.accelerators:,} x {instance.accelerator}"
    out.print(f"\n[bold green]{plan.nodes} x {instance.name}[/]  {gpus}; {degrees_text(plan.degrees)}")
    shown = table("  what", "likely", "between", "", right=("likely",), wrap=("",))
    shown.show_header = False
    for what, value, between, note in _figures(plan):
        shown.add_row(f"  {what}", value, f"[dim]{between}[/]", f"[dim]{note}[/]")
    print_table(out, shown)
    parts = ", ".join(f"{name} {gib:.1f}" for name, gib in plan.memory.parts)
    for text in (
        f"GiB of the fullest GPU: {parts}; {plan.memory.headroom:.1f} of {plan.memory.available:.1f} free",
        "rests on: " + "; ".join(plan.assumptions),
    ):
        for line in textwrap.wrap(text, columns() - 2, break_on_hyphens=False):
            out.print(f"  [dim]{line}[/]", markup=True)


def _figures(plan: ClusterPlan) -> list[tuple[str, str, str, str]]:
    rate, mfu, tflops = plan.tokens_per_second, plan.mfu, plan.tflops_per_gpu
    rows = [
        ("days", *_spanned(plan.days), "checkpoints, failures and lost work included"),
        ("USD", *(_spanned(plan.usd) if plan.usd else (UNKNOWN, "")), _hourly(plan)),
        ("tokens/s", *_spanned(rate), f"{rate.likely / plan.degrees.gpus:,.0f} a GPU, while it trains"),
        (
            "MFU",
            f"{mfu.likely:.0%}",
            f"{mfu.low:.0%} to {mfu.high:.0%}",
            f"{tflops.likely:,.0f} TFLOP/s a GPU; micro batches of {plan.micro_batch}",
        ),
        ("failures", *_spanned(plan.failures), f"{_number(plan.lost_days.likely)} days lost by them"),
        (
            "checkpoint",
            f"{plan.checkpoint_gib:,.0f} GiB",
            "",
            f"every {count(plan.checkpoint_steps, 'step')}; training stands still {plan.checkpoint_seconds:.0f} s",
        ),
    ]
    return [*rows, energy_row(plan)]


def _hourly(plan: ClusterPlan) -> str:
    return "the price isn't known" if plan.usd_per_hour is None else f"{plan.usd_per_hour:,.0f} an hour, instances only"


def degrees_text(degrees: Degrees) -> str:
    """`fsdp 16 x 4, tp 8, pp 4 (interleaved 4), full recomputation`, without what is 1."""
    shard, replicas = degrees.data_shard, degrees.data_replicate
    parts = [f"hsdp {replicas} x {shard}" if replicas > 1 else f"fsdp {shard}"]
    parts += [f"tp {degrees.tensor}"] if degrees.tensor > 1 else []
    stages = f" x {degrees.interleaved}" if degrees.interleaved > 1 else ""
    parts += [f"pp {degrees.pipeline}{stages}"] if degrees.pipeline > 1 else []
    parts += [f"cp {degrees.context}"] if degrees.context > 1 else []
    parts += [f"ep {degrees.expert}"] if degrees.expert > 1 else []
    return ", ".join([*parts, degrees.activations])


def _print_alternatives(out: Console, found: Search, wish: Wish, *, energy: bool) -> None:
    shown = interesting(found, aimed(wish))
    if not shown:
        return
    out.print(
        "\n[bold]Alternatives[/]  cheapest first: the best of each type, and what nothing else beats in days and cost"
    )
    numbers = ("nodes", "days", "USD", *(("kWh",) if energy else ()), "MFU", "GiB free")
    rows = table("  type", *numbers, "divided", right=numbers, wrap=("divided",))
    for plan in shown[:_ALTERNATIVES]:
        mark = "[bold green]" if plan is found.best else ""
        rows.add_row(
            f"  {mark}{plan.instance.name}{'[/]' if mark else ''}",
            str(plan.nodes),
            f"{_number(plan.days.likely)} ({_number(plan.days.low)}-{_number(plan.days.high)})",
            UNKNOWN if plan.usd is None else f"{plan.usd.likely:,.0f}",
            *((likely_kwh(plan),) if energy else ()),
            f"{plan.mfu.likely:.0%}",
            f"{plan.memory.headroom:.0f}",
            f"[dim]{degrees_text(plan.degrees)}[/]",
        )
    print_table(out, rows)
    if len(found.alternatives) > len(shown[:_ALTERNATIVES]):
        out.print(f"  [dim]{count(len(found.alternatives), 'alternative')} in all; --json lists them[/]")


def interesting(found: Search, wish: Wish) -> list[ClusterPlan]:
    """Of each instance type the cheapest that does what is wished, or at all; and those that nothing else beats."""
    first: dict[str, ClusterPlan] = {}
    for plan in sorted(found.alternatives, key=lambda plan: not keeps(plan, wish)):
        first.setdefault(plan.instance.name, plan)
    chosen = list(first.values())
    fastest = float("inf")
    kept = []
    for plan in found.alternatives:
        unbeaten = plan.usd is not None and plan.days.likely < fastest and plan.usd.likely <= _dearest(found)
        if plan is found.best or plan in chosen or unbeaten:
            kept.append(plan)
        fastest = min(fastest, plan.days.likely) if plan.usd is not None else fastest
    return kept


def _dearest(found: Search) -> float:
    known = [plan.usd.likely for plan in found.alternatives if plan.usd is not None]
    return _TIMES_AS_DEAR * min(known, default=0.0)


def _print_refused(out: Console, found: Search) -> None:
    """One line for types with the same GPU and reason."""
    alike: dict[str, list[str]] = {}
    for each in found.refused:
        alike.setdefault(each.reason, []).append(each.instance.name)
    if not alike:
        return
    out.print("\n[bold]Refused[/]")
    shown = table("  type", "why", wrap=("why",))
    for reason, names in list(alike.items())[-_REFUSED:]:
        others = f" +{len(names) - 1}" if len(names) > 1 else ""
        shown.add_row(f"  {names[0]}{others}", f"[dim]{reason}[/]")
    print_table(out, shown)
    if len(alike) > _REFUSED:
        out.print(f"  [dim]{count(len(found.refused), 'type')} in all; --json lists them[/]")


def _document(plan: ClusterPlan) -> dict[str, Any]:
    fields = asdict(plan) | {"instance": plan.instance.name, "gpus": plan.degrees.gpus}
    memory = {"parts": dict(plan.memory.parts), "needed": plan.memory.needed, "available": plan.memory.available}
    return fields | {"memory": memory, "assumptions": list(plan.assumptions)}


def _spanned(span: Span) -> tuple[str, str]:
    return _number(span.likely), f"{_number(span.low)} to {_number(span.high)}"


def _number(value: float) -> str:
    """`1,234`, `48.2`, `3.2`, `0.14`."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _billions(tokens: int) -> str:
    return f"{tokens / 1e12:,.3g} trillion" if tokens >= 10**12 else f"{tokens / 1e9:,.3g} billion"
