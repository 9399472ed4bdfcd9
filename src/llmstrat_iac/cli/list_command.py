"""`llmstrat list`: the stacks of this backend and how long each has to live."""

from __future__ import annotations

import json

import click

from llmstrat_iac.cli.options import json_option, sandbox_option


@click.command("list")
@sandbox_option
@json_option
def command(*, sandbox: bool, as_json: bool) -> int:
    """List the stacks of this backend."""
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_engine
    from llmstrat_iac.operations.overview import describe_remaining, list_stacks

    with target_environment(sandbox=sandbox) as target:
        now = target.now()
        rows = [
            {
                "stack": summary.stack.name,
                "strategy": summary.strategy,
                "region": summary.outputs.get("region"),
                "owner": summary.outputs.get("owner"),
                "resources": summary.resources,
                "expires": summary.outputs.get("expires"),
                "remaining": describe_remaining(summary.remaining(now)) if summary.outputs else "unknown",
            }
            for summary in list_stacks(open_engine(target.variables))
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return 0
    if not rows:
        click.echo("no stacks here")
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name.capitalize(), justify="right" if name == "resources" else "left")
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row.values()))
    console().print(table)
    return 0
