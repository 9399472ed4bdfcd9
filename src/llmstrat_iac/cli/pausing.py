"""What `pause` and `resume` share: edit the spec, then `up`."""

from __future__ import annotations

from pathlib import Path

import click


def deploy_paused(ctx: click.Context, spec: Path, *, paused: bool, sandbox: bool, yes: bool, as_json: bool) -> int:
    """Say in the spec whether the fleet rests, and deploy that. Returns the exit code."""
    from llmstrat_iac.cli.up_command import command as up
    from llmstrat_iac.operations.pausing import set_paused
    from llmstrat_iac.planner.load import load_spec

    changed = set_paused(spec, load_spec(spec), paused=paused)
    word = "paused" if paused else "running"
    click.echo(f"{spec}: the fleet is to be {word}{'' if changed else ', as it was'}; deploying", err=as_json)
    # A paused fleet answers nothing, so there is nothing to test.
    code: int = ctx.invoke(up, spec=spec, sandbox=sandbox, yes=yes, as_json=as_json, skip_smoke_test=paused)
    return code
