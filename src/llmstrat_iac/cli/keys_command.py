"""`llmstrat keys`: list, show and rotate the consumers' keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument, yes_option
from llmstrat_iac.errors import LlmstratError


@click.group("keys")
def command() -> None:
    """List, show and rotate the consumers' keys."""


@command.command("list")
@spec_argument
@json_option
def list_keys(*, spec: Path, as_json: bool) -> int:
    """List SPEC's consumers and the generation of each one's key."""
    from llmstrat_iac.planner.load import load_spec

    endpoint = load_spec(spec).spec.endpoint
    rows = [
        {
            "consumer": consumer.name,
            "generation": consumer.key.generation,
            "previous_until": consumer.key.previous_until and consumer.key.previous_until.isoformat(),
        }
        for consumer in (endpoint.consumers if endpoint else ())
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        until = f", the one before works until {row['previous_until']}" if row["previous_until"] else ""
        click.echo(f"{row['consumer']}: key {row['generation']}{until}")
    return 0


@command.command("show")
@spec_argument
@click.argument("consumer")
@sandbox_option
def show_key(*, spec: Path, consumer: str, sandbox: bool) -> int:
    """Print CONSUMER's current key and nothing else, for use in a shell."""
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        outputs = open_deployment(resolved, target.variables).require_snapshot(show_secrets=True).outputs.values
    keys = outputs.get("keys")
    if not isinstance(keys, dict) or consumer not in keys:
        known = ", ".join(keys) if isinstance(keys, dict) else "none"
        raise LlmstratError(f"there is no key for `{consumer}` in the stack", remedy=f"consumers with keys: {known}")
    click.echo(keys[consumer])
    return 0


@command.command("rotate")
@spec_argument
@click.argument("consumer")
@sandbox_option
@yes_option
@click.option(
    "--overlap", default="24h", show_default=True, help="How long the old key goes on working; `0` ends it at once."
)
@click.pass_context
def rotate(ctx: click.Context, *, spec: Path, consumer: str, sandbox: bool, yes: bool, overlap: str) -> int:
    """Give CONSUMER a new key: edits SPEC and deploys it. Both keys work for the overlap."""
    from llmstrat_iac.cli.up_command import command as up
    from llmstrat_iac.operations.rotation import parse_overlap, rotate_key
    from llmstrat_iac.planner.load import load_spec

    load_spec(spec)
    try:
        length = parse_overlap(overlap)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--overlap") from error
    generation = rotate_key(spec, consumer, overlap=length, now=datetime.now(UTC))
    click.echo(f"{spec}: `{consumer}` now has key {generation}; deploying")
    code: int = ctx.invoke(up, spec=spec, sandbox=sandbox, yes=yes)
    return code
