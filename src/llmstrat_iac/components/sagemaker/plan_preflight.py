"""What SageMaker says of the training plan that a spec names: status, target, and what it reserves, where and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.components.leftovers import explain
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.components.sagemaker.training_plans import LEAD
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining

_RULE = "aws.sagemaker.training-plan"
_PATH = "cluster.reservation"
_ANOTHER = "`llmstrat capacity offers` shows what is on sale, `llmstrat capacity buy` buys"
# https://docs.aws.amazon.com/sagemaker/latest/dg/training-plan-utilization-for-training-jobs.html: others aren't taken.
_USABLE = ("Scheduled", "Active")


@dataclass(frozen=True)
class _Segment:
    """A reserved capacity of the plan, of the type that is wanted."""

    count: int
    zone: str | None
    start: datetime | None
    end: datetime | None


def check_plan(
    pretraining: ResolvedPretraining, session: AwsSession, *, target: str, now: datetime, ttl: timedelta | None
) -> Iterator[Finding]:
    """Whether a training plan is there, for `target`, has instances enough, of the type and in the zone, and lasts.

    `ttl` is the stack's, counted from `now`: what begins after it never runs.
    """
    cluster = pretraining.cluster
    if cluster.capacity != "training-plan" or not cluster.reservation:
        return
    name = cluster.reservation.rpartition("/")[2]
    try:
        # By its ARN: a plan of another account that is shared with this one has a name of that account's.
        plan = session.client("sagemaker").describe_training_plan(TrainingPlanName=cluster.reservation)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ResourceNotFound", "ResourceNotFoundException"):
            missing = f"there is no training plan `{name}` in this account and {pretraining.region}"
            yield _error(missing, f"`aws sagemaker list-training-plans` names yours; {_ANOTHER}")
        else:
            yield _unknown(name, explain(error))
        return
    found = [*_check_status(plan), *_check_target(plan, target), *_check_instances(pretraining, plan, target, now, ttl)]
    yield from found or [_fits(name, plan)]


def _check_status(plan: dict[str, Any]) -> Iterator[Finding]:
    status, said = plan.get("Status"), plan.get("StatusMessage")
    if status in _USABLE:
        return
    if status == "Pending":
        yield _error("the plan is Pending: it isn't paid yet", "wait some minutes, and ask again")
        return
    message = f"the plan is {status}" + (f": {said}" if said else "")
    yield _error(message, f"{_ANOTHER}; a run that is over needs no plan any more: set `capacity: on-demand`")


def _check_target(plan: dict[str, Any], target: str) -> Iterator[Finding]:
    targets = plan.get("TargetResources") or (target,)
    if target not in targets:
        yield _error(
            f"the plan is for {' and '.join(targets)}, not for {target}",
            f"take the runtime that it is for, or another plan: {_ANOTHER}",
            path="cluster.runtime",
        )


def _check_instances(
    pretraining: ResolvedPretraining, plan: dict[str, Any], target: str, now: datetime, ttl: timedelta | None
) -> Iterator[Finding]:
    """Type, zone and number of what is reserved, then the time of those parts of it that will do."""
    wanted, zone = instance_name(pretraining.plan.instance.name), pretraining.cluster.zone
    needed = pretraining.plan.nodes + pretraining.cluster.spare_nodes
    reserved = [
        _segment(each) for each in plan.get("ReservedCapacitySummaries") or () if each["InstanceType"] == wanted
    ]
    if not reserved:
        types = sorted({each["InstanceType"] for each in plan.get("ReservedCapacitySummaries") or ()})
        yield _error(
            f"the plan reserves no {wanted}" + (f", but {', '.join(types)}" if types else ""),
            "set `cluster.instance` to what it reserves, or give another plan",
            path="cluster.instance",
        )
        return
    zones = sorted({each.zone for each in reserved if each.zone})
    if zones and zone not in zones:
        said = f"`{zone}`" if zone else "not set"
        yield _error(
            f"the plan's instances are in {', '.join(zones)}, and `cluster.zone` is {said}",
            f"set `zone: {zones[0]}`: network and file system are in one zone",
            path="cluster.zone",
        )
        return
    here = [each for each in reserved if each.zone in (None, zone)]
    # Parts come one after the other: their numbers don't add up.
    usable = [each for each in here if each.count >= needed]
    if not usable:
        most = max(each.count for each in here)
        yield _error(
            f"the plan has {most} {wanted}, and {needed} are needed",
            "take fewer `nodes` or `spare_nodes`, or another plan",
            path="cluster.nodes",
        )
        return
    yield from _check_free(plan, wanted, needed)
    if plan.get("Status") in _USABLE:
        yield from _check_window(pretraining, usable, target, now, ttl)


def _check_free(plan: dict[str, Any], wanted: str, needed: int) -> Iterator[Finding]:
    free = plan.get("AvailableInstanceCount", needed)
    if plan.get("Status") == "Active" and free < needed:
        yield _warning(
            f"{free} {wanted} of the plan are free, and {needed} are needed",
            reason="it is enough only if this stack itself uses them already; else the job waits, two days at most",
            remedy="stop what else uses the plan",
        )


def _check_window(
    pretraining: ResolvedPretraining,
    usable: Iterable[_Segment],
    target: str,
    now: datetime,
    ttl: timedelta | None,
) -> Iterator[Finding]:
    told = [(each.start, each.end - LEAD[target]) for each in usable if each.start and each.end]
    periods = [(max(now, start), end) for start, end in told if end > now]
    if told and not periods:
        yield _error(f"its instances were there until {_moment(max(end for _, end in told))}", _ANOTHER)
    if not periods:
        return
    begins, ends = min(start for start, _ in periods), max(end for _, end in periods)
    if begins > now:
        yield from _check_begin(begins, now, ttl)
    days = sum((end - start) / timedelta(days=1) for start, end in periods)
    needed = pretraining.plan.days
    if days < needed.likely:
        parts = f" in {len(periods)} parts" if len(periods) > 1 else ""
        yield Finding(
            _RULE,
            Severity.WARNING if pretraining.trainer.checkpoints.enabled else Severity.ERROR,
            _PATH,
            f"its instances are there until {_moment(ends)}, {days:,.1f} days of use{parts}, and the run takes "
            f"{needed.low:,.1f} to {needed.high:,.1f} days",
            reason=f"SageMaker takes them away {LEAD[target] // timedelta(minutes=1)} minutes before the plan ends",
            remedy="take a longer one; with checkpoints another `up --retry` goes on in the next one",
        )


def _check_begin(begins: datetime, now: datetime, ttl: timedelta | None) -> Iterator[Finding]:
    if ttl is not None and now + ttl <= begins:
        yield _error(
            f"it begins {_moment(begins)}, and the stack would be stopped before, {_moment(now + ttl)}",
            "`up` shortly before it begins, or raise `limits.ttl`",
            path="limits.ttl",
        )
        return
    yield _warning(
        f"it begins {_moment(begins)}: until then no node starts",
        reason="file system and network are there from `up` on, and bill",
        remedy="`up` shortly before",
    )


def _fits(name: str, plan: dict[str, Any]) -> Finding:
    period = ""
    if plan.get("StartTime") and plan.get("EndTime"):
        period = f", {_moment(plan['StartTime'])} to {_moment(plan['EndTime'])}"
    return Finding(_RULE, Severity.INFO, _PATH, f"the training plan `{name}` is {plan['Status']}{period}, and fits")


def _segment(raw: dict[str, Any]) -> _Segment:
    start, end = raw.get("StartTime"), raw.get("EndTime")
    return _Segment(int(raw.get("TotalInstanceCount", 0)), raw.get("AvailabilityZone"), start, end)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _error(message: str, remedy: str, *, path: str = _PATH) -> Finding:
    return Finding(_RULE, Severity.ERROR, path, message, reason="SageMaker would refuse the cluster", remedy=remedy)


def _warning(message: str, *, reason: str, remedy: str) -> Finding:
    return Finding(_RULE, Severity.WARNING, _PATH, message, reason=reason, remedy=remedy)


def _unknown(name: str, why: str) -> Finding:
    return _warning(
        f"unknown: what the training plan `{name}` reserves ({why})",
        reason="nobody may look but who is allowed to",
        remedy="allow sagemaker:DescribeTrainingPlan on it; `llmstrat iam` prints all that is needed",
    )
