"""`llmstrat capacity`: capacity blocks and training plans. `buy` is the one command that spends money for good."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument
from llmstrat_iac.errors import LlmstratError

if TYPE_CHECKING:
    from llmstrat_iac.hookspecs import ResolvedSpec
    from llmstrat_iac.pretraining.capacity import Offering


@click.group("capacity")
def command() -> None:
    """Look for capacity that is paid in advance, and buy some.

    EC2 sells capacity blocks, SageMaker training plans: for jobs, or for HyperPod's clusters. SPEC's runtime decides.
    """


@command.command("offers")
@spec_argument
@sandbox_option
@json_option
def offers(*, spec: Path, sandbox: bool, as_json: bool) -> int:
    """List what is on sale for SPEC's cluster: zone, time and price. Buys nothing."""
    from llmstrat_iac.cli.render import console, print_table, table

    found = _offered(spec, sandbox=sandbox)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2, default=str))
        return 0
    if not found:
        click.echo("None is on sale for this cluster and length now.")
        return 0
    # All are of the product, the type and the number that were asked for.
    click.echo(f"{_named(found[0]).capitalize()}s with {found[0].count} x {found[0].instance}; times in UTC\n")
    made = table("#", "zone", "from", "to", "hours", "parts", "at once", right=("#", "hours", "parts", "at once"))
    for number, each in enumerate(found, 1):
        amounts = (f"{each.hours:,.1f}", str(each.parts), _sum(each))
        made.add_row(str(number), each.zone, *_period(each), *amounts)
    print_table(console(), made)
    return 0


@command.command("buy")
@spec_argument
@click.option(
    "--offer", "number", type=click.IntRange(min=1), default=1, show_default=True, help="Its number in `offers`."
)
@sandbox_option
@click.option("--confirm-usd", type=float, help="The sum, instead of being asked for it; for scripts.")
def buy(*, spec: Path, number: int, sandbox: bool, confirm_usd: float | None) -> int:
    """Buy capacity for SPEC's cluster. The whole sum is due at once and can't be had back.

    AWS is asked for offers anew, since each is good for a short time only; what is bought is what is shown.
    """
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.capacity import await_payment, choose, offerings, open_market
    from llmstrat_iac.operations.deployment import open_session
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved):
        market = open_market(resolved, open_session(resolved.spec.region))
        chosen = choose(offerings(market), number)
        start, end = _period(chosen)
        hours = f"{chosen.hours:,.1f} hours" + (f" in {chosen.parts} parts" if chosen.parts > 1 else "")
        click.echo(
            f"{_named(chosen).capitalize()}: {chosen.count} x {chosen.instance} in {chosen.zone}, "
            f"{start} to {end} UTC, {hours}, for {_sum(chosen)} at once.\n"
            "This can't be cancelled, changed or paid back, whether it is used or not."
        )
        typed = (
            confirm_usd if confirm_usd is not None else click.prompt(f"Type the sum in {chosen.currency}", type=float)
        )
        if abs(typed - chosen.fee) >= 0.005:
            raise LlmstratError(f"{typed:,.2f} isn't {_sum(chosen)}: nothing was bought", remedy="type the whole sum")
        reservation = market.buy(chosen)
        # Before anything else can go wrong: what costs so much must not be lost.
        click.echo(f"Bought. Put this into the spec:\n  {_line(chosen, reservation, resolved)}")
        if not await_payment(market, reservation):
            click.echo("It isn't paid yet: AWS goes on collecting the money, and `up` needs it done.")
    return 0


def _offered(spec: Path, *, sandbox: bool) -> tuple[Offering, ...]:
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.capacity import offerings, open_market
    from llmstrat_iac.operations.deployment import open_session
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved):
        return offerings(open_market(resolved, open_session(resolved.spec.region)))


def _named(offering: Offering) -> str:
    return offering.product.replace("-", " ")


def _period(offering: Offering) -> tuple[str, str]:
    return (
        f"{offering.start.astimezone(UTC):%Y-%m-%d %H:%M}",
        f"{offering.end.astimezone(UTC):%Y-%m-%d %H:%M}",
    )


def _sum(offering: Offering) -> str:
    return f"{offering.fee:,.2f} {offering.currency}"


def _line(offering: Offering, reservation: str, resolved: ResolvedSpec) -> str:
    """Of the spec: what it needs to use this, and what a node costs an hour, so that the plan's sums have it."""
    pretraining = resolved.pretraining
    assert pretraining is not None, "nothing is on sale for a spec without a cluster"
    block, hourly = pretraining.cluster, offering.fee / (offering.count * offering.hours)
    found = {
        # What was searched for once is bought now: another search might find another cluster.
        **({"instance": offering.instance} if block.instance == "auto" else {}),
        **({"nodes": str(pretraining.plan.nodes)} if block.nodes == "auto" else {}),
        "capacity": offering.product,
        "reservation": f'"{reservation}"',
        "zone": offering.zone,
        "node_usd": f"{hourly:.2f}",
    }
    return f"cluster: {{{', '.join(f'{key}: {value}' for key, value in found.items())}}}"
