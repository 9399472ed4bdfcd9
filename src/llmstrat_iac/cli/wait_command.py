"""`llmstrat wait`: follow the job to its end."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument


@click.command("wait")
@spec_argument
@sandbox_option
@json_option
def command(*, spec: Path, sandbox: bool, as_json: bool) -> int:
    """Wait until SPEC's job is over; exit code 1 unless it is completed. `up` then deploys its model."""
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.cli.tuning_view import document, follow
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.operations.tuning import Follower, require_completed
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        follower = Follower(open_deployment(resolved, target.variables), target.variables)
        job = follow(follower, console(stderr=as_json))
    if as_json:
        click.echo(json.dumps(document(job), indent=2))
    require_completed(job)
    return 0
