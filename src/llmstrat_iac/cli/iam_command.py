"""`llmstrat iam`: the least-privilege policy for whoever deploys a spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from llmstrat_iac.cli.options import spec_argument
from llmstrat_iac.errors import LlmstratError

_PLACEHOLDER_ACCOUNT = "123456789012"


@click.command("iam")
@spec_argument
@click.option("--account", default=_PLACEHOLDER_ACCOUNT, show_default=True, help="AWS account id in the ARNs.")
@click.option("--reasons", is_flag=True, help="Say what each statement is for, instead of printing the policy.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write it into this folder, as policies that are small enough for IAM.",
)
def command(*, spec: Path, account: str, reasons: bool, output: Path | None) -> int:
    """Print the IAM policy that deploying and destroying SPEC needs: exact actions, this stack's resources.

    IAM takes 6,144 characters a managed policy, and ten policies a role: --output writes as many as it takes.
    """
    from llmstrat_iac.components.deploy_permissions import MOST, policies_of, policy_of, policy_statements, size_of
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    statements = policy_statements(resolved)
    if reasons:
        for statement in statements:
            click.echo(f"{statement.reason}\n    {', '.join(sorted(statement.actions))}\n")
        return 0
    # The catalogue of regions knows the `aws` partition only.
    place = {"partition": "aws", "region": resolved.spec.region, "account": account}
    if output is not None:
        _write(policies_of(statements, **place), output, resolved.stack_name)
        return 0
    policy = policy_of(statements, **place)
    click.echo(json.dumps(policy, indent=2))
    if size_of(policy) > MOST:
        note = f"{size_of(policy):,} characters, and IAM takes {MOST:,} a policy: `--output FOLDER` writes several"
        click.echo(note, err=True)
    return 0


def _write(policies: list[dict[str, Any]], folder: Path, name: str) -> None:
    for number, policy in enumerate(policies, 1):
        path = folder / f"{name}-{number}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(policy, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise LlmstratError(f"--output: can't write `{path}`: {error.strerror}", remedy="another folder") from error
        click.echo(f"wrote {path}")
