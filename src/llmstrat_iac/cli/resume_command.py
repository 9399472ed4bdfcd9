"""`llmstrat resume`: bring a paused fleet back."""

from __future__ import annotations

from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument, yes_option


@click.command("resume")
@spec_argument
@sandbox_option
@yes_option
@json_option
@click.pass_context
def command(ctx: click.Context, *, spec: Path, sandbox: bool, yes: bool, as_json: bool) -> int:
    """Start SPEC's GPU instances again: takes `serving.paused` out of the file and deploys it."""
    from llmstrat_iac.cli.pausing import deploy_paused

    return deploy_paused(ctx, spec, paused=False, sandbox=sandbox, yes=yes, as_json=as_json)
