"""`llmstrat sandbox`: start, stop and inspect the embedded AWS sandbox."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from llmstrat_iac.cli.options import json_option
from llmstrat_iac.cli.sandbox_home import sandbox_home
from llmstrat_iac.errors import SandboxError

if TYPE_CHECKING:
    from llmstrat_iac.sandbox.advance import Advance
    from llmstrat_iac.sandbox.session import SandboxSession


_MOST = timedelta(days=366)
"""As long as a stack may live."""


@click.group("sandbox")
def command() -> None:
    """Start, stop and inspect the embedded AWS sandbox: no account, no Docker, no cost."""


@command.command("start")
@click.option(
    "--llm",
    type=click.Choice(["deterministic", "real"]),
    default="deterministic",
    show_default=True,
    help="What answers in the vendors' place: a fixed rule, or a small real model (extra `local-llm`).",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the emulator; a free one if unset.")
def start(*, llm: Literal["deterministic", "real"], port: int) -> int:
    """Start a sandbox that runs until `llmstrat sandbox stop`."""
    from llmstrat_iac.sandbox.session import Sandbox
    from llmstrat_iac.sandbox.startup import Ports

    session = Sandbox.start(sandbox_home(), llm=llm, ports=Ports(emulator=port), on_progress=_say)
    click.echo(f"The sandbox runs: AWS at {session.addresses.emulator_url}, vendors at {session.addresses.vendor_url}")
    return 0


@command.command("stop")
def stop() -> int:
    """Stop the sandbox and forget everything in it."""
    from llmstrat_iac.sandbox.session import Sandbox

    session = Sandbox.find(sandbox_home())
    if session is None:
        click.echo("no sandbox runs")
        return 0
    session.stop()
    click.echo("The sandbox has stopped; everything in it is gone.")
    return 0


@command.command("status")
@json_option
def status(*, as_json: bool) -> int:
    """Show the sandbox's processes; exit code 1 if one has died."""
    session = _require()
    state = session.status()
    if as_json:
        processes = [vars(process) for process in state.processes]
        click.echo(json.dumps({"healthy": state.healthy, "llm": state.llm, "processes": processes}, indent=2))
    else:
        for process in state.processes:
            mark = "runs" if process.alive else "DEAD"
            click.echo(f"{process.name:<9} {mark}  pid {process.pid}  port {process.port}  log {process.log}")
    return 0 if state.healthy else 1


@command.command("advance")
@click.argument("duration")
@json_option
def advance(*, duration: str, as_json: bool) -> int:
    """Move the sandbox's clock forward by DURATION (90m, 25h, 3d): what falls due is acted out; exit 1 if a call fails.

    Schedules, `status`, `list`, `reap` and the next `up` go by this clock; jobs, logs and functions keep real time.
    """
    from llmstrat_iac.spec.units import parse_duration

    try:
        by = parse_duration(duration)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error), param_hint="DURATION") from error
    if by > _MOST:
        raise click.BadParameter(f"`{duration}` is more than {_MOST.days}d at once", param_hint="DURATION")
    told = _require().advance(by)
    if as_json:
        click.echo(json.dumps(_advance_document(told), indent=2))
    else:
        _show_advance(told)
    return 1 if any(each.failure for each in told.fired) else 0


def _advance_document(told: Advance) -> dict[str, Any]:
    from llmstrat_iac.spec.moments import format_moment

    fired = [{**vars(each), "moment": format_moment(each.moment)} for each in told.fired]
    return {"now": format_moment(told.now), "ahead_seconds": told.ahead.total_seconds(), "fired": fired}


def _show_advance(told: Advance) -> None:
    from llmstrat_iac.spec.moments import format_moment

    for each in told.fired:
        tries = f" after {each.attempts} tries" if each.attempts > 1 else ""
        result = f"FAILED{tries}: {each.failure}" if each.failure else f"done{tries}"
        click.echo(f"{format_moment(each.moment)}  {each.kind} {each.name}\n  {each.call}\n  {result}")
    if not told.fired:
        click.echo("Nothing fell due.")
    click.echo(f"The sandbox's clock says {format_moment(told.now)}.")


@command.command("env")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@json_option
def env(*, spec: Path | None, as_json: bool) -> int:
    """Print what a plain `pulumi up` needs, for `eval`. With SPEC also stand-ins for the vendors' keys it names."""
    from llmstrat_iac.sandbox.environment import REMOVED_VARIABLES

    session = _require()
    variables = session.environment() | (_stand_ins(spec) if spec else {})
    if as_json:
        click.echo(json.dumps({"set": variables, "unset": list(REMOVED_VARIABLES)}, indent=2))
        return 0
    click.echo(f"unset {' '.join(REMOVED_VARIABLES)}")
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    return 0


def _stand_ins(spec: Path) -> dict[str, str]:
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.credentials import placeholders
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    # Entering the target creates the Secrets Manager secrets that the spec expects to find.
    with target_environment(sandbox=True, resolved=resolved):
        return placeholders(resolved)


def _require() -> SandboxSession:
    from llmstrat_iac.sandbox.session import Sandbox

    session = Sandbox.find(sandbox_home())
    if session is None:
        raise SandboxError("no sandbox runs", remedy="start one with `llmstrat sandbox start`")
    return session


def _say(message: str) -> None:
    click.echo(message, err=True)
