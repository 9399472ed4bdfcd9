"""`llmstrat schema`: the JSON Schema of the spec, for editors and for the test that keeps it fresh."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llmstrat_iac.cli.plugin_option import plugin_option
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.planner.schema import build_schema
from llmstrat_iac.plugins import create_registry

COMMITTED = Path("schema/llmstrat-v1.schema.json")


@click.command("schema")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.")
@click.option("--check", is_flag=True, help=f"Compare with --output (default {COMMITTED}); exit 1 if it is stale.")
@plugin_option
def command(output: Path | None, check: bool, plugins: tuple[str, ...]) -> None:
    """Print or write the JSON Schema with the options of all enabled plugins."""
    text = json.dumps(build_schema(create_registry(plugins)), indent=2, ensure_ascii=False) + "\n"
    if check:
        _check(output or COMMITTED, text)
    elif output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text)


def _check(path: Path, text: str) -> None:
    fix = f"run `llmstrat schema --output {path}`"
    try:
        present = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LlmstratError(f"{path}: can't be read: {error.strerror}", remedy=fix) from error
    if present != text:
        raise LlmstratError(f"{path}: is not what the spec's models say now", remedy=fix)
    click.echo(f"{path}: fresh")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LlmstratError(f"{path}: can't be written: {error.strerror}", remedy="choose another path") from error
    click.echo(f"wrote {path}")
