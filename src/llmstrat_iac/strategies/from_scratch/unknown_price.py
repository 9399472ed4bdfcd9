"""What can be said of a run whose nodes' price nobody knows: a limit isn't kept because a sum is missing.

EC2's price on demand bounds it, if anything does: SageMaker asks more for the same node, and spot at most that.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.common import Limits
from llmstrat_iac.strategies.from_scratch.run_plan import PAID_BEFORE, RunPlan
from llmstrat_iac.strategies.from_scratch.run_sizing import dollars

_ASKED = "EC2 asks ${:,.2f} for the same node, and SageMaker more"
_PAID = "say what was paid for a node and an hour as `cluster.node_usd`: `llmstrat capacity buy` prints it"
_SAY_IT = "say what a node costs an hour as `cluster.node_usd`, from AWS's price page"


def check_unknown_price(run: RunPlan, limits: Limits) -> Iterator[Finding]:
    """Yield that it is unknown, and which limits are surely passed or can't be held; nothing of a known price."""
    if run.node_usd is not None:
        return
    yield _unknown(run)
    if limits.max_hourly_usd is not None and run.pretraining.cluster.capacity not in PAID_BEFORE:
        yield from _hour(run, limits.max_hourly_usd)
    if not run.spot:
        yield from _whole(run, "monthly-limit", "limits.monthly_usd", limits.monthly_usd)
        yield from _whole(run, "beyond-budget", "cluster.budget_usd", run.pretraining.cluster.budget_usd)


def _unknown(run: RunPlan) -> Finding:
    cluster = run.pretraining.cluster
    bound = "" if run.bound_usd is None or run.spot else f"; {_ASKED.format(run.bound_usd)}"
    return Finding(
        rule="unknown-price",
        severity=Severity.WARNING,
        path="cluster.instance",
        message=f"no price of {run.name} ({cluster.capacity}) is known in {run.pretraining.region} for "
        f"{run.pretraining.runtime.title}{bound}",
        reason="the sums leave it out, and it is most of the bill",
        remedy=_PAID if cluster.capacity in PAID_BEFORE else _SAY_IT,
    )


def _hour(run: RunPlan, limit: float) -> Iterator[Finding]:
    rule, path, hour = "cluster-hourly-limit", "limits.max_hourly_usd", run.bound_hour_usd
    if hour is None or (hour <= limit and not run.spot):
        yield Finding(
            rule=rule,
            severity=Severity.ERROR,
            path=path,
            message=f"the limit of ${limit:,.2f} an hour can't be held: the price of {run.name} isn't known",
            reason="whoever sets a limit wants to be stopped by it",
            remedy=f"{_SAY_IT}; or remove the limit",
        )
    elif hour > limit and run.spot:
        yield Finding(
            rule=rule,
            severity=Severity.WARNING,
            path=path,
            message=f"the cluster may cost as much as ${hour:,.2f} an hour, above the limit of ${limit:,.2f}",
            reason="a spot price changes by the hour, and goes up to the price on demand",
            remedy=f"{_SAY_IT}, take fewer nodes, or raise the limit",
        )
    elif hour > limit:
        yield Finding(
            rule=rule,
            severity=Severity.ERROR,
            path=path,
            message=f"the cluster costs more than ${hour:,.2f} an hour, above the limit of ${limit:,.2f}",
            reason=_ASKED.format(run.bound_usd),
            remedy="raise the limit, or take fewer or cheaper nodes: the run takes longer, and costs about as much",
        )


def _whole(run: RunPlan, rule: str, path: str, limit: float | None) -> Iterator[Finding]:
    usd = run.bound_of(run.days)
    if limit is not None and usd is not None and usd.likely > limit:
        yield Finding(
            rule=rule,
            severity=Severity.ERROR,
            path=path,
            message=f"the run likely costs more than ${usd.likely:,.2f}, above the limit of ${limit:,.2f}",
            reason=f"{_ASKED.format(run.bound_usd)}: {dollars(usd)} or more in all",
            remedy="raise the limit, train on fewer tokens, or take a cheaper cluster (`llmstrat train-plan`)",
        )
