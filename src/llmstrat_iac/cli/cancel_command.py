"""`llmstrat cancel`: stop the tuning job that runs."""

from __future__ import annotations

from pathlib import Path

import click

from llmstrat_iac.cli.options import sandbox_option, spec_argument, yes_option


@click.command("cancel")
@spec_argument
@sandbox_option
@yes_option
def command(*, spec: Path, sandbox: bool, yes: bool) -> int:
    """Stop SPEC's tuning job. What it has cost so far is billed; what serves goes on serving."""
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.operations.tuning import Follower
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        follower = Follower(open_deployment(resolved, target.variables), target.variables)
        if not yes:
            click.confirm(f"Stop the job {follower.current().name}?", abort=True)
        job = follower.cancel()
    click.echo(f"{job.name} is being cancelled; `llmstrat up --retry` would start it anew")
    return 0
