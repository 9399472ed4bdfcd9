"""`llmstrat capacity`: capacity blocks for a cluster. `buy` is the one command that spends money for good."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument
from llmstrat_iac.errors import LlmstratError

if TYPE_CHECKING:
    from llmstrat_iac.operations.capacity import Offering


@click.group("capacity")
def command() -> None:
    """Look for capacity blocks, and buy one."""


@command.command("offers")
@spec_argument
@sandbox_option
@json_option
def offers(*, spec: Path, sandbox: bool, as_json: bool) -> int:
    """List the blocks on sale for SPEC's cluster: zone, time and price. Buys nothing."""
    from llmstrat_iac.cli.render import console, print_table, table

    found = _offered(spec, sandbox=sandbox)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2, default=str))
        return 0
    made = table("#", "instances", "zone", "from", "to", "at once", right=("#", "at once"))
    for number, each in enumerate(found, 1):
        period = (f"{each.start:%Y-%m-%d %H:%M}", f"{each.end:%Y-%m-%d %H:%M}")
        made.add_row(str(number), f"{each.count} x {each.instance}", each.zone, *period, _sum(each))
    print_table(console(), made)
    if not found:
        click.echo("None is on sale for this cluster and length now.")
    return 0


@command.command("buy")
@spec_argument
@click.option(
    "--offer", "number", type=click.IntRange(min=1), default=1, show_default=True, help="Its number in `offers`."
)
@sandbox_option
@click.option("--confirm-usd", type=float, help="The sum, instead of being asked for it; for scripts.")
def buy(*, spec: Path, number: int, sandbox: bool, confirm_usd: float | None) -> int:
    """Buy a block for SPEC's cluster. The whole sum is due at once and can't be had back.

    AWS is asked for offers anew, since each is good for a short time only; what is bought is what is shown.
    """
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.capacity import buy as purchase
    from llmstrat_iac.operations.capacity import choose, offerings
    from llmstrat_iac.operations.deployment import open_session
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved):
        session = open_session(resolved.spec.region)
        chosen = choose(offerings(resolved, session), number)
        click.echo(
            f"{chosen.count} x {chosen.instance} in {chosen.zone}, {chosen.start:%Y-%m-%d %H:%M} to "
            f"{chosen.end:%Y-%m-%d %H:%M} UTC, for {_sum(chosen)} at once.\n"
            "This can't be cancelled, changed or paid back, whether the block is used or not."
        )
        typed = (
            confirm_usd if confirm_usd is not None else click.prompt(f"Type the sum in {chosen.currency}", type=float)
        )
        if abs(typed - chosen.fee) >= 0.005:
            raise LlmstratError(f"{typed:,.2f} isn't {_sum(chosen)}: nothing was bought", remedy="type the whole sum")
        reservation = purchase(chosen, resolved, session)
    click.echo(f"Bought. Put this into the spec:\n  cluster: {{capacity: capacity-block, reservation: {reservation}}}")
    return 0


def _offered(spec: Path, *, sandbox: bool) -> tuple[Offering, ...]:
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.capacity import offerings
    from llmstrat_iac.operations.deployment import open_session
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved):
        return offerings(resolved, open_session(resolved.spec.region))


def _sum(offering: Offering) -> str:
    return f"{offering.fee:,.2f} {offering.currency}"
