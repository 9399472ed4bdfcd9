"""`llmstrat strategies`: the four strategies side by side, or one with its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.plugin_option import plugin_option
from llmstrat_iac.cli.text import bar, print_json
from llmstrat_iac.errors import PluginError
from llmstrat_iac.hookspecs import Strategy
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.names import suggest


@click.command("strategies")
@click.argument("name", required=False)
@json_option
@plugin_option
def command(name: str | None, as_json: bool, plugins: tuple[str, ...]) -> None:
    """Compare the strategies, or show one in full: NAME is a name or a letter."""
    strategies = create_registry(plugins).strategies
    if name is not None:
        strategies = {strategy.name: strategy for strategy in [_find(strategies, name)]}
    ordered = sorted(strategies.values(), key=lambda each: (each.letter or "~", each.name))
    if as_json:
        print_json([_document(strategy) for strategy in ordered])
    elif name is not None:
        _print_one(ordered[0])
    else:
        _print_matrix(ordered)


def _find(strategies: Mapping[str, Strategy], name: str) -> Strategy:
    for strategy in strategies.values():
        if name in (strategy.name, strategy.letter, (strategy.letter or "").lower()):
            return strategy
    raise PluginError(f"there is no strategy `{name}`", remedy=suggest(name, strategies))


def _document(about: Strategy) -> dict[str, Any]:
    return {
        "name": about.name,
        "letter": about.letter,
        "title": about.title,
        "summary": about.summary,
        "control": about.control,
        "complexity": about.complexity,
        "fits": about.fits,
        "pros": list(about.pros),
        "cons": list(about.cons),
        "cost_drivers": list(about.cost_drivers),
        "example": f"examples/{about.example}",
    }


def _print_matrix(strategies: Iterable[Strategy]) -> None:
    from llmstrat_iac.cli.render import console, print_table, table

    out = console()
    shown = table(
        "", "strategy", "control", "complexity", "what it is, and whom it fits", wrap=("what it is, and whom it fits",)
    )
    for about in strategies:
        shown.add_row(
            f"[bold]{about.letter or '-'}[/]",
            f"[bold]{about.name}[/]",
            bar(about.control),
            bar(about.complexity),
            f"{about.title}.\n[dim]{about.fits}[/]\n",
        )
    print_table(out, shown)
    out.print("Control rises from A to D, and complexity with it. `llmstrat strategies A` shows one in full.")


def _print_one(about: Strategy) -> None:
    from llmstrat_iac.cli.render import console

    out = console()
    letter = f"{about.letter}  " if about.letter else ""
    out.print(f"[bold]{letter}{about.name}[/]  {about.title}")
    out.print(about.summary)
    out.print(f"\ncontrol {bar(about.control)}   complexity {bar(about.complexity)}")
    out.print(f"\n[bold]Fits[/]  {about.fits}")
    for title, mark, texts in (
        ("For", "[green]+[/]", about.pros),
        ("Against", "[red]-[/]", about.cons),
        ("The bill grows with", "·", about.cost_drivers),
    ):
        out.print(f"\n[bold]{title}[/]")
        for text in texts:
            out.print(f"  {mark} {text}")
    out.print(f"\n[bold]Example[/]  examples/{about.example}")
