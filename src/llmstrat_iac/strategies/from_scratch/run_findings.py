"""What speaks against a run that fits: it outlives its stack, its deadline or its budget, or loses its work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.spec.common import Limits
from llmstrat_iac.strategies.from_scratch.run_plan import RunPlan
from llmstrat_iac.strategies.from_scratch.run_sizing import dollars, duration, spread
from llmstrat_iac.strategies.from_scratch.unknown_price import check_unknown_price

_DAY = 86_400


def check_run(run: RunPlan, limits: Limits) -> Iterator[Finding]:
    """Yield what the estimate of time and money shows.

    What stops a training only warns while the cluster alone is tested.
    """
    gate_only = run.pretraining.gate_only
    if gate_only:
        yield _trains_nothing(run)
    for each in (
        *_ends_before_it_is_done(run, limits),
        *_misses_deadline(run),
        *_exceeds_budget(run),
        *_loses_everything(run),
    ):
        yield replace(each, severity=Severity.WARNING) if gate_only else each
    yield from _dearer_than_allowed(run, limits)
    yield from check_unknown_price(run, limits)


def _trains_nothing(run: RunPlan) -> Finding:
    return Finding(
        rule="gate-only",
        severity=Severity.INFO,
        path="cluster.acceptance",
        message=f"the cluster is tested for {duration(run.days)}, and nothing is trained",
        reason="a fleet that serves an earlier model stays as it is, and is in no sum here",
        remedy="`llmstrat accept` shows the verdict; set `before-training`, or leave it out, to train",
    )


def _ends_before_it_is_done(run: RunPlan, limits: Limits) -> Iterator[Finding]:
    days, ttl = run.plan.days, limits.ttl.duration
    if ttl is None or days.high <= ttl.total_seconds() / _DAY:
        return
    surely = days.low > ttl.total_seconds() / _DAY
    yield Finding(
        rule="ttl-shorter-than-run",
        severity=Severity.ERROR if surely else Severity.WARNING,
        path="limits.ttl",
        message=f"the run takes {duration(days)}, and the stack ends after {limits.ttl}",
        reason="when the TTL ends, the nodes are stopped and the file system is deleted; checkpoints in S3 stay",
        remedy=f"set `ttl: {int(days.high * 1.1) + 1}d`, take more nodes, or fewer tokens; a later `up` renews the TTL",
    )


def _dearer_than_allowed(run: RunPlan, limits: Limits) -> Iterator[Finding]:
    limit, hour = limits.max_hourly_usd, run.hour.usd
    if run.node_usd is not None and limit is not None and hour > limit:
        yield Finding(
            rule="cluster-hourly-limit",
            severity=Severity.ERROR,
            path="limits.max_hourly_usd",
            message=f"the cluster costs ${hour:,.2f} an hour, above the limit of ${limit:,.2f}",
            reason="this is billed for every hour that the nodes run, training or not",
            remedy="raise the limit, or take fewer or cheaper nodes: the run takes longer, and costs about as much",
        )


def _misses_deadline(run: RunPlan) -> Iterator[Finding]:
    deadline = run.pretraining.cluster.deadline
    if deadline is None or deadline.duration is None:
        return
    limit, days = deadline.duration.total_seconds() / _DAY, run.plan.days
    if days.high > limit:
        yield Finding(
            rule="beyond-deadline",
            severity=Severity.ERROR if days.likely > limit else Severity.WARNING,
            path="cluster.deadline",
            message=f"the run takes {duration(days)}, and is to end within {deadline}",
            reason="estimates of time are ranges: the longer end counts",
            remedy="take more nodes or a faster instance (`llmstrat train-plan`), train on less, or allow more time",
        )


def _exceeds_budget(run: RunPlan) -> Iterator[Finding]:
    budget, usd = run.pretraining.cluster.budget_usd, run.usd
    if budget is not None and usd is not None and usd.high > budget:
        yield Finding(
            rule="beyond-budget",
            severity=Severity.ERROR if usd.likely > budget else Severity.WARNING,
            path="cluster.budget_usd",
            message=f"the run costs {dollars(usd)}, and is to cost at most {budget:,.0f}",
            reason="estimates of cost are ranges: the longer run counts",
            remedy="choose a cheaper instance (`llmstrat train-plan`), train on less, or allow more",
        )


def _loses_everything(run: RunPlan) -> Iterator[Finding]:
    if run.pretraining.trainer.checkpoints.enabled or run.pretraining.cluster.capacity == "spot":
        return
    severity = Severity.ERROR if run.plan.failures.likely >= 1 else Severity.WARNING
    yield Finding(
        rule="no-checkpoints",
        severity=severity,
        path="trainer.checkpoints.enabled",
        message=f"{spread(run.plan.failures)} interruptions are expected, and there are no checkpoints",
        reason="each of them costs the whole run up to then",
        remedy="leave `checkpoints.enabled` out",
    )
