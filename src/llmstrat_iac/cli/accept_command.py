"""`llmstrat accept`: whether a cluster's GPUs, network and storage are what they should be, before money is burnt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument, yes_option

if TYPE_CHECKING:
    from rich.console import Console


@click.command("accept")
@spec_argument
@sandbox_option
@json_option
@click.option("--no-wait", is_flag=True, help="Say what is known now, instead of waiting for the gate.")
@click.option(
    "--run", is_flag=True, help="Start the cluster for a test of its own, which trains nothing; asks, naming the cost."
)
@yes_option
def command(*, spec: Path, sandbox: bool, as_json: bool, no_wait: bool, run: bool, yes: bool) -> int:
    """Show the acceptance gate's verdict on SPEC's cluster; exit code 1 unless it passed.

    The gate runs on the cluster itself, before the training: GPUs, network cards, all-reduce bandwidth over all nodes
    and the file system, each against a floor. A cluster that fails it doesn't train.

    With --run the gate is all that runs: the spec says `cluster.acceptance: only` while it does, and what it said
    before when the test is over and its cluster is gone. `up` then trains, after a gate of its own.
    """
    if run:
        if no_wait:
            raise click.UsageError("--run waits for its verdict; `up` with `cluster.acceptance: only` doesn't")
        if as_json and not yes:
            raise click.UsageError("--json can't ask: add --yes")
        from llmstrat_iac.cli.gate_run import run_gate, what_comes_next

        code = _tell(run_gate(spec, sandbox=sandbox, yes=yes, as_json=as_json), as_json=as_json)
        if not as_json:
            click.echo(what_comes_next(spec))
        return code
    return _tell(_deployed(spec, sandbox=sandbox, no_wait=no_wait), as_json=as_json)


def _deployed(spec: Path, *, sandbox: bool, no_wait: bool) -> dict[str, Any] | None:
    """The verdict on the cluster that the last `up` has started."""
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.acceptance import gate_result, wait_for_gate
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.operations.tuning import Follower
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        deployment = open_deployment(resolved, target.variables)
        snapshot, session = deployment.require_snapshot(), deployment.session()
        if no_wait:
            return gate_result(snapshot, session)
        follower = Follower(deployment, target.variables)
        return wait_for_gate(snapshot, session, over=lambda: follower.current().state.over)


def _tell(result: dict[str, Any] | None, *, as_json: bool) -> int:
    from llmstrat_iac.cli.render import console

    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        _print(result, console())
    return 0 if result is not None and result.get("passed") else 1


def _print(result: dict[str, Any] | None, out: Console) -> None:
    from llmstrat_iac.cli.render import print_table, table

    if result is None:
        out.print("The gate hasn't given its verdict yet.")
        return
    made = table("node", "GPUs", "EFA devices", "what is wrong", right=("GPUs", "EFA devices"), wrap=("what is wrong",))
    for node in result.get("nodes", ()):
        failures = "; ".join(node.get("failures") or ()) or "-"
        made.add_row(str(node.get("host")), _number(node.get("gpus")), _number(node.get("efa")), failures)
    print_table(out, made)
    reached, floor = result.get("all_reduce_gb_s"), result.get("floor_gb_s")
    out.print(f"all-reduce over all nodes: {_number(reached)} GB/s, at least {_number(floor)}")
    out.print(f"file system, reading: {_number(result.get('read_gb_s'))} GB/s")
    for failure in result.get("failures") or ():
        out.print(f"[red]{failure}[/]")
    passed = result.get("passed")
    out.print(
        "[green]The cluster is accepted.[/]" if passed else "[red]The cluster is refused: nothing was trained.[/]"
    )


def _number(value: object) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, int | float) else str(value)
