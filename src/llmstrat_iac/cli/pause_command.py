"""`llmstrat pause`: no instances, no bill by the hour, while endpoint and keys stay."""

from __future__ import annotations

from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument, yes_option


@click.command("pause")
@spec_argument
@sandbox_option
@yes_option
@json_option
@click.pass_context
def command(ctx: click.Context, *, spec: Path, sandbox: bool, yes: bool, as_json: bool) -> int:
    """Stop SPEC's GPU instances until `resume`: sets `serving.paused` in the file and deploys it."""
    from llmstrat_iac.cli.pausing import deploy_paused

    return deploy_paused(ctx, spec, paused=True, sandbox=sandbox, yes=yes, as_json=as_json)
