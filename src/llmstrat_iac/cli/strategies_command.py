"""`llmstrat strategies`: the four strategies side by side, or one with its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from llmstrat_iac.catalog.strategies import STRATEGY_PROFILES, StrategyProfile
from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.plugin_option import plugin_option
from llmstrat_iac.cli.text import bar, print_json
from llmstrat_iac.errors import PluginError
from llmstrat_iac.hookspecs import Strategy
from llmstrat_iac.plugins import Registry, create_registry
from llmstrat_iac.spec.names import suggest

NOT_YET = "not in this release"


@dataclass(frozen=True)
class _Entry:
    """A strategy's texts, and who deploys it."""

    about: Strategy | StrategyProfile
    available: bool
    origin: str


@click.command("strategies")
@click.argument("name", required=False)
@json_option
@plugin_option
def command(name: str | None, as_json: bool, plugins: tuple[str, ...]) -> None:
    """Compare the strategies, or show one in full: NAME is a name or a letter."""
    entries = _entries(create_registry(plugins))
    if name is not None:
        entries = {entry.about.name: entry for entry in [_find(entries, name)]}
    if as_json:
        print_json([_document(entry) for entry in entries.values()])
    elif name is not None:
        _print_one(next(iter(entries.values())))
    else:
        _print_matrix(entries.values())


def _entries(registry: Registry) -> dict[str, _Entry]:
    entries = {
        strategy.name: _Entry(strategy, True, registry.origins[f"strategies:{strategy.name}"])
        for strategy in registry.strategies.values()
    }
    for profile in STRATEGY_PROFILES:
        entries.setdefault(profile.name, _Entry(profile, False, NOT_YET))
    return dict(sorted(entries.items(), key=lambda item: (item[1].about.letter or "~", item[0])))


def _find(entries: Mapping[str, _Entry], name: str) -> _Entry:
    for entry in entries.values():
        if name in (entry.about.name, entry.about.letter, (entry.about.letter or "").lower()):
            return entry
    raise PluginError(f"there is no strategy `{name}`", remedy=suggest(name, entries))


def _document(entry: _Entry) -> dict[str, Any]:
    about = entry.about
    return {
        "name": about.name,
        "letter": about.letter,
        "title": about.title,
        "summary": about.summary,
        "available": entry.available,
        "control": about.control,
        "complexity": about.complexity,
        "fits": about.fits,
        "pros": list(about.pros),
        "cons": list(about.cons),
        "cost_drivers": list(about.cost_drivers),
        "example": f"examples/{about.example}" if entry.available else None,
    }


def _print_matrix(entries: Iterable[_Entry]) -> None:
    from llmstrat_iac.cli.render import console, print_table, table

    out = console()
    shown = table(
        "", "strategy", "control", "complexity", "what it is, and whom it fits", wrap=("what it is, and whom it fits",)
    )
    for entry in entries:
        about = entry.about
        note = "" if entry.available else f"\n[yellow]{NOT_YET}[/]"
        shown.add_row(
            f"[bold]{about.letter or '-'}[/]",
            f"[bold]{about.name}[/]{note}",
            bar(about.control),
            bar(about.complexity),
            f"{about.title}.\n[dim]{about.fits}[/]\n",
        )
    print_table(out, shown)
    out.print("Control rises from A to D, and complexity with it. `llmstrat strategies A` shows one in full.")


def _print_one(entry: _Entry) -> None:
    from llmstrat_iac.cli.render import console

    out, about = console(), entry.about
    letter = f"{about.letter}  " if about.letter else ""
    out.print(f"[bold]{letter}{about.name}[/]  {about.title}" + ("" if entry.available else f"  [yellow]{NOT_YET}[/]"))
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
    if entry.available:
        out.print(f"\n[bold]Example[/]  examples/{about.example}")
