"""`llmstrat plugins`: what is built in, what is installed, and what acts only when a spec enables it."""

from __future__ import annotations

from typing import Any

import click

from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.plugin_option import plugin_option
from llmstrat_iac.cli.text import print_json
from llmstrat_iac.plugins import BUILTIN_PLUGINS, Registry, create_registry, find_installed, installed_plugins


@click.command("plugins")
@json_option
@plugin_option
def command(as_json: bool, plugins: tuple[str, ...]) -> None:
    """List plugins. A third party's acts only if the spec's `plugins:` names it; --plugin loads one to look inside."""
    registry = create_registry(plugins)
    rows = _rows(registry, {found.distribution for found, _ in map(find_installed, plugins) if found})
    if as_json:
        print_json(rows)
    else:
        _print(rows)


def _rows(registry: Registry, loaded: set[str]) -> list[dict[str, Any]]:
    provides: dict[str, list[str]] = {}
    for record, origin in registry.origins.items():
        kind, _, name = record.partition(":")
        provides.setdefault(origin, []).append(f"{kind.removesuffix('s').replace('strategie', 'strategy')} {name}")
    for implementation in registry.hook.llmstrat_check.get_hookimpls():
        provides.setdefault(implementation.plugin_name, []).append("governance rules")
    for implementation in registry.hook.llmstrat_event.get_hookimpls():
        provides.setdefault(implementation.plugin_name, []).append("events")
    rows: list[dict[str, Any]] = [
        {"name": name, "origin": "built in", "version": None, "loaded": True, "provides": provides.get(name, [])}
        for name in BUILTIN_PLUGINS
    ]
    for plugin in installed_plugins():
        name = plugin.distribution
        rows.append(
            {
                "name": name,
                "origin": "installed",
                "version": plugin.version,
                "loaded": name in loaded,
                "provides": provides.get(name, []),
            }
        )
    return rows


def _print(rows: list[dict[str, Any]]) -> None:
    from llmstrat_iac.cli.render import console, print_table, table

    out = console()
    shown = table("plugin", "origin", "provides", wrap=("provides",))
    for row in rows:
        version = f" {row['version']}" if row["version"] else ""
        provides = ", ".join(row["provides"]) if row["loaded"] else "[dim]acts when a spec's `plugins:` names it[/]"
        shown.add_row(f"{row['name']}{version}", row["origin"], provides)
    print_table(out, shown)
