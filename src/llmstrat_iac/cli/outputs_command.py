"""`llmstrat outputs`: what the stack exports. Keys are masked unless asked for."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument


@click.command("outputs")
@spec_argument
@sandbox_option
@json_option
@click.option("--show-secrets", is_flag=True, help="Print the consumers' keys, too.")
def command(*, spec: Path, sandbox: bool, as_json: bool, show_secrets: bool) -> int:
    """Print the outputs of SPEC's stack."""
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        values = open_deployment(resolved, target.variables).require_snapshot(show_secrets=show_secrets).outputs.values
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return 0
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in sorted(values.items()):
        table.add_row(Text(name, style="bold"), Text(value if isinstance(value, str) else json.dumps(value)))
    console().print(table)
    return 0
