"""`llmstrat iam`: the least-privilege policy for whoever deploys a spec."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llmstrat_iac.cli.options import spec_argument

_PLACEHOLDER_ACCOUNT = "123456789012"


@click.command("iam")
@spec_argument
@click.option("--account", default=_PLACEHOLDER_ACCOUNT, show_default=True, help="AWS account id in the ARNs.")
@click.option("--reasons", is_flag=True, help="Say what each statement is for, instead of printing the policy.")
def command(*, spec: Path, account: str, reasons: bool) -> int:
    """Print the IAM policy that deploying and destroying SPEC needs: exact actions, this stack's resources."""
    from llmstrat_iac.components.deploy_permissions import policy_of, policy_statements
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    statements = policy_statements(resolved)
    if reasons:
        for statement in statements:
            click.echo(f"{statement.reason}\n    {', '.join(sorted(statement.actions))}\n")
        return 0
    # The catalogue of regions knows the `aws` partition only.
    policy = policy_of(statements, partition="aws", region=resolved.spec.region, account=account)
    click.echo(json.dumps(policy, indent=2))
    return 0
