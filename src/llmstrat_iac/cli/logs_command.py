"""`llmstrat logs`: the usage log, one line a request, with totals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument

if TYPE_CHECKING:
    from rich.table import Table

    from llmstrat_iac.operations.deployment import Deployment
    from llmstrat_iac.operations.usage import UsageLine


@click.command("logs")
@spec_argument
@sandbox_option
@json_option
@click.option("--since", default="24h", show_default=True, help="How far back, such as 90m, 24h or 7d.")
@click.option("--follow", "-f", is_flag=True, help="Go on printing new lines until Ctrl-C.")
@click.option("--job", is_flag=True, help="Print the tuning job's events instead.")
def command(*, spec: Path, sandbox: bool, as_json: bool, since: str, follow: bool, job: bool) -> int:
    """Print the usage log of SPEC's stack: who, which model, how many tokens, how long, what it cost."""
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.operations.usage import follow_usage, read_usage
    from llmstrat_iac.planner.load import load_spec
    from llmstrat_iac.spec.units import parse_duration

    try:
        start = datetime.now(UTC) - parse_duration(since)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        deployment = open_deployment(resolved, target.variables)
        if job:
            _print_events(deployment, target.variables, as_json=as_json)
            return 0
        log_group = str(deployment.require_snapshot().outputs.values["usage_log_group"])
        if follow:
            _print_json(follow_usage(deployment.session(), log_group, since=start))
        lines = read_usage(deployment.session(), log_group, since=start)
        if as_json:
            _print_json(lines)
        else:
            console().print(_table(list(lines)))
    return 0


def _print_events(deployment: Deployment, variables: Mapping[str, str], *, as_json: bool) -> None:
    from llmstrat_iac.operations.tuning import Follower

    follower = Follower(deployment, variables)
    for event in follower.jobs.events(follower.current()):
        at = f"{event.at:%Y-%m-%d %H:%M:%S}"
        document = {"at": event.at.isoformat(), "level": event.level, "message": event.message}
        click.echo(json.dumps(document) if as_json else f"{at}  {event.level:7}  {event.message}")


def _print_json(lines: Iterable[UsageLine]) -> None:
    for line in lines:
        fields = {name: value for name, value in line.fields.items() if name != "_aws"}
        click.echo(json.dumps({"at": line.at.isoformat(timespec="milliseconds")} | fields))


def _table(lines: list[UsageLine]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Time (UTC)", "Consumer", "Model", "Provider"):
        table.add_column(title)
    for title in ("Status", "In", "Out", "First ms", "Total ms", "USD"):
        table.add_column(title, justify="right")
    for line in lines:
        style = "" if line.status < 400 else "red"
        table.add_row(
            f"{line.at:%m-%d %H:%M:%S}",
            line.consumer,
            line.model,
            line.provider or "-",
            str(line.status),
            *(_number(value, "d") for value in (line.prompt_tokens, line.completion_tokens)),
            *(_number(value, ".0f") for value in (line.ttft_ms, line.total_ms)),
            "unknown" if line.usd is None and line.provider and line.status < 400 else _number(line.usd, ".6f"),
            style=style,
        )
    if not lines:
        table.add_row("no requests yet")
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
