"""`llmstrat engine`: find or install the Pulumi engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from llmstrat_iac.cli.options import json_option

if TYPE_CHECKING:
    from llmstrat_iac.engine.progress import InstallProgress


@click.group("engine")
def command() -> None:
    """Find or install the Pulumi engine."""


@command.command("install")
@click.option(
    "--method",
    type=click.Choice(["download", "build"]),
    help="The official release, or a build from pinned Go modules. Unset: the release, else a build.",
)
def install(*, method: str | None) -> int:
    """Install the tested Pulumi version into this toolkit's cache. Quick if it is there."""
    from llmstrat_iac.engine.install import Method, install_engine

    with _progress() as on_progress:
        cli = install_engine(on_progress, os.environ, method=Method(method) if method else None)
    click.echo(f"Pulumi {cli.version} is ready: {cli.path}")
    return 0


@command.command("find")
@json_option
def find(*, as_json: bool) -> int:
    """Show which Pulumi is used, and why others aren't."""
    from llmstrat_iac.engine.locate import candidates, find_cli

    if as_json:
        rows = [
            {
                "path": str(one.path),
                "origin": str(one.origin),
                "version": one.version,
                "rejected": one.rejected,
            }
            for one in candidates(os.environ)
        ]
        click.echo(json.dumps(rows, indent=2))
        return 0
    cli = find_cli(os.environ)
    for one in candidates(os.environ):
        verdict = "used" if one.path == cli.path else one.rejected or "not needed"
        click.echo(f"{one.path}  {one.version or 'no version'}  from {one.origin}: {verdict}")
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[InstallProgress], None]]:
    """A bar at a terminal, a line a stage elsewhere (a build takes minutes)."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from llmstrat_iac.cli.render import console

    out = console(stderr=True)
    if not out.is_terminal:
        yield _StageLines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("looking for the engine", total=None)

        def show(step: InstallProgress) -> None:
            bar.update(task, description=str(step.stage), completed=step.done, total=step.total or None)

        yield show


class _StageLines:
    """Prints a line when a stage begins, and one for each further quarter of it."""

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def __call__(self, step: InstallProgress) -> None:
        quarter = 4 * step.done // step.total if step.total else 0
        if (str(step.stage), quarter) != self._last:
            self._last = (str(step.stage), quarter)
            click.echo(f"  {step.stage}{f' {25 * quarter} %' if step.total else ''}", err=True)
