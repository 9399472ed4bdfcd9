"""`llmstrat down`: destroy, sweep, and print the receipt. Exit code 1 if anything is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument, yes_option

if TYPE_CHECKING:
    from rich.console import Console

    from llmstrat_iac.operations.deployment import Deployment


@click.command("down")
@spec_argument
@sandbox_option
@yes_option
@json_option
def command(*, spec: Path, sandbox: bool, yes: bool, as_json: bool) -> int:
    """Destroy the stack of SPEC, look for leftovers, and print the receipt."""
    if as_json and not yes:
        raise click.UsageError("--json can't ask: add --yes")
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        deployment = open_deployment(resolved, target.variables)
        where = "the sandbox" if target.sandbox else f"AWS, {resolved.spec.region}"
        if not yes:
            click.confirm(f"Destroy {deployment.name} in {where}, with its keys and logs?", abort=True)
        return take_down(deployment, console(stderr=as_json), as_json=as_json)


def take_down(deployment: Deployment, console: Console, *, as_json: bool) -> int:
    """Take a deployment's stack down, showing progress and receipt; returns the exit code."""
    from llmstrat_iac.cli.live import operation_view
    from llmstrat_iac.cli.render_receipt import print_receipt
    from llmstrat_iac.operations.deployment import planned_costs
    from llmstrat_iac.operations.events import announce
    from llmstrat_iac.operations.receipt import receipts_folder, save_receipt
    from llmstrat_iac.operations.teardown import Teardown

    resolved = deployment.resolved
    fixed_month_usd, each_job = planned_costs(resolved)
    announce(resolved, "down.started")
    with operation_view(console, "Destroying") as view:
        receipt = Teardown(
            stack=deployment.stack(),
            strategy=resolved.strategy,
            region=resolved.spec.region,
            session=deployment.session(),
            on_event=view,
            fixed_month_usd=fixed_month_usd,
            each_job=each_job,
            plugin_sweeps=resolved.sweeps,
        ).run(deployment.snapshot())
    announce(resolved, "down.done" if receipt.clean else "down.failed")
    path = save_receipt(receipt, receipts_folder())
    if as_json:
        click.echo(receipt.to_json())
    else:
        print_receipt(console, receipt, path)
    return 0 if receipt.clean else 1
