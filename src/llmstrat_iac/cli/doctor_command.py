"""`llmstrat doctor`: every dependency found or missing, why it matters, and what to do."""

from __future__ import annotations

import json
import os

import click

from llmstrat_iac.cli.options import json_option

_STYLES = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "missing": ("✗", "red")}


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> int:
    """Explain every dependency found or missing; exit code 1 if one is missing that is needed."""
    from llmstrat_iac.engine.doctor import diagnose, is_ready

    checks = diagnose(os.environ)
    if as_json:
        click.echo(json.dumps([vars(check) | {"status": str(check.status)} for check in checks], indent=2))
    else:
        for check in checks:
            mark, colour = _STYLES[check.status]
            click.echo(f"{click.style(mark, fg=colour)} {click.style(check.name, bold=True)}: {check.found}")
            click.echo(click.style(f"    {check.why}", dim=True))
            if check.remedy:
                click.echo(f"    → {check.remedy}")
        click.echo("Ready." if is_ready(checks) else "Something that is needed is missing: see → above.")
    return 0 if is_ready(checks) else 1
