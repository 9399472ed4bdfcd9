"""`llmstrat wait`: follow the job to its end, or a fleet until it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument

if TYPE_CHECKING:
    from rich.console import Console

    from llmstrat_iac.operations.deployment import Deployment


@click.command("wait")
@spec_argument
@sandbox_option
@json_option
def command(*, spec: Path, sandbox: bool, as_json: bool) -> int:
    """Wait until SPEC's job is over, and until its fleet has loaded its model; exit code 1 unless all went well.

    `up` deploys what a completed job has made.
    """
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.cli.tuning_view import document, follow
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.operations.jobs_in_state import settled
    from llmstrat_iac.operations.tuning import Follower, require_completed
    from llmstrat_iac.planner.load import load_spec
    from llmstrat_iac.tuning import JobState

    resolved, shown = load_spec(spec), console(stderr=as_json)
    serves = resolved.open_model is not None and resolved.open_model.serving is not None
    result: dict[str, Any] = {}
    job = fleet = None
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        deployment = open_deployment(resolved, target.variables)
        if resolved.job is not None or not serves:
            job = follow(Follower(deployment, target.variables), shown)
            result = document(job)
            if resolved.tuning is None and not settled(deployment.require_snapshot()):
                shown.print(
                    "What only the job needed, such as its network and file system, bills until the next `llmstrat "
                    "up` takes it down."
                )
        outputs = deployment.require_snapshot(show_secrets=True).outputs.values
        # Until the `up` after a training from scratch there is no fleet to wait for.
        if serves and "fleet" in outputs and (job is None or job.state is JobState.COMPLETED):
            fleet = _wait_for_fleet(deployment, outputs, shown)
            result["fleet"] = fleet
    if as_json:
        click.echo(json.dumps(result, indent=2))
    if job is not None:
        require_completed(job)
    return 0 if fleet is None or fleet["answers"] else 1


def _wait_for_fleet(deployment: Deployment, outputs: Mapping[str, Any], shown: Console) -> dict[str, Any]:
    from llmstrat_iac.operations.smoke import smoke_stack

    if not outputs.get("keys"):
        return {"answers": False, "detail": "there is no endpoint yet: `llmstrat up` was not run to its end"}
    with shown.status("Waiting until the fleet answers"):
        checks = smoke_stack(deployment.resolved, outputs, patient=True)
    answers = bool(checks) and all(check.passed for check in checks)
    detail = "; ".join(f"{check.what}: {check.detail}" for check in checks)
    shown.print(detail, soft_wrap=True, markup=False)
    return {"answers": answers, "detail": detail}
