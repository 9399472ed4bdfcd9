"""`llmstrat reap`: take down every stack whose time to live is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from llmstrat_iac.cli.options import sandbox_option, yes_option

if TYPE_CHECKING:
    from rich.console import Console

    from llmstrat_iac.operations.overview import StackSummary


@click.command("reap")
@sandbox_option
@yes_option
def command(*, sandbox: bool, yes: bool) -> int:
    """Destroy the stacks of this backend whose time to live has ended, each with its receipt."""
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_engine
    from llmstrat_iac.operations.overview import describe_remaining, list_stacks

    out = console()
    with target_environment(sandbox=sandbox) as target:
        now = target.now()
        stacks = list(list_stacks(open_engine(target.variables)))
        expired = [one for one in stacks if (one.remaining(now) or timedelta.max) <= timedelta(0)]
        if not expired:
            out.print("No stack has expired.")
            return 0
        for summary in expired:
            out.print(f"{summary.stack.name}: {describe_remaining(summary.remaining(now))}")
        if not yes:
            click.confirm(f"Destroy {'it' if len(expired) == 1 else f'these {len(expired)} stacks'}?", abort=True)
        clean = [_reap(summary, out) for summary in expired]
    return 0 if all(clean) else 1


def _reap(summary: StackSummary, out: Console) -> bool:
    from llmstrat_iac.cli.live import operation_view
    from llmstrat_iac.cli.render_receipt import print_receipt
    from llmstrat_iac.operations.deployment import open_session
    from llmstrat_iac.operations.receipt import receipts_folder, save_receipt
    from llmstrat_iac.operations.teardown import Teardown
    from llmstrat_iac.plugins import create_registry

    strategy = create_registry().strategy(str(summary.strategy))
    region = str(summary.outputs["region"])
    with operation_view(out, f"Destroying {summary.stack.name}") as view:
        receipt = Teardown(summary.stack, strategy, region, open_session(region), view).run(summary.snapshot)
    print_receipt(out, receipt, save_receipt(receipt, receipts_folder()))
    return receipt.clean
