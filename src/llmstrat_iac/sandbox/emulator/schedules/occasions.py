"""What the account holds that happens by the calendar: schedules, and the scheduled actions of both autoscalings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ministack.services import autoscaling, scheduler

from llmstrat_iac.sandbox.emulator.scaling.application_autoscaling import SCALING
from llmstrat_iac.sandbox.emulator.schedules.calls import Call, universal_call
from llmstrat_iac.sandbox.emulator.schedules.expressions import Timing
from llmstrat_iac.sandbox.emulator.schedules.permissions import refusal
from llmstrat_iac.sandbox.emulator.schedules.timetable import CallError, Occasion

Record = Mapping[str, Any]
_SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
_EPOCH = datetime.fromtimestamp(0, UTC)
# EventBridge Scheduler's default.
_RETRIES = 185


def everything() -> Iterator[Occasion]:
    """All of them, of every account and region, in the order in which they were made."""
    for (account, region, key), schedule in list(scheduler._schedules._data.items()):
        if schedule["State"] == "ENABLED":
            yield _schedule(account, region, key, schedule)
    for (account, region, key), action in list(autoscaling._scheduled_actions._data.items()):
        group = autoscaling._asgs.get_scoped(account, region, action["AutoScalingGroupName"]) or {}
        suspended = {each["ProcessName"] for each in group.get("SuspendedProcesses") or ()}
        if "ScheduledActions" not in suspended:
            yield _group_action(account, region, key, action)
    for (account, region, key), action in list(SCALING.actions._data.items()):
        target = SCALING.targets.get_scoped(account, region, key[:3]) or {}
        if not (target.get("SuspendedState") or {}).get("ScheduledScalingSuspended"):
            yield _target_action(account, region, action)


def schedule_timing(schedule: Record) -> Timing:
    """When a schedule of EventBridge Scheduler falls due."""
    return Timing(
        schedule["ScheduleExpression"],
        created=_moment(schedule.get("CreationDate")) or _EPOCH,
        zone=schedule.get("ScheduleExpressionTimezone") or "UTC",
        start=_moment(schedule.get("StartDate")),
        end=_moment(schedule.get("EndDate")),
    )


def group_timing(action: Record) -> Timing:
    """When a scheduled action of an Auto Scaling group falls due: by its recurrence, or once at its start."""
    start = _moment(action.get("StartTime"))
    if not action.get("Recurrence"):
        if start is None:
            raise ValueError("Either Recurrence or StartTime must be specified.")
        return Timing(f"at({start:%Y-%m-%dT%H:%M:%S})", created=_EPOCH)
    zone, end = action.get("TimeZone") or "UTC", _moment(action.get("EndTime"))
    return Timing(action["Recurrence"], created=_EPOCH, zone=zone, start=start, end=end, unix=True)


def target_timing(action: Record) -> Timing:
    """When a scheduled action of Application Auto Scaling falls due."""
    return Timing(
        action["Schedule"],
        created=_moment(action.get("CreationTime")) or _EPOCH,
        zone=action.get("Timezone") or "UTC",
        start=_moment(action.get("StartTime")),
        end=_moment(action.get("EndTime")),
    )


def _moment(value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _schedule(account: str, region: str, key: str, schedule: Record) -> Occasion:
    target, retry = schedule["Target"], schedule["Target"].get("RetryPolicy") or {}
    group_arn = f"arn:aws:scheduler:{region}:{account}:schedule-group/{schedule['GroupName']}"

    async def act() -> None:
        call = universal_call(target["Arn"], target.get("Input") or "", account, region)
        refused = refusal(target["RoleArn"], group_arn, call)
        if refused:
            raise CallError(refused, final=True)
        await call.make()

    def over() -> None:
        if schedule["ActionAfterCompletion"] == "DELETE":
            scheduler._schedules._data.pop((account, region, key), None)
            scheduler._tags.pop(schedule["Arn"], None)

    try:
        told = str(universal_call(target["Arn"], target.get("Input") or "", account, region))
    except CallError:
        told = str(target["Arn"])
    retries = int(retry.get("MaximumRetryAttempts", _RETRIES))
    return Occasion("schedule", schedule["Name"], schedule_timing(schedule), told, act, retries, over)


def _group_action(account: str, region: str, key: str, action: Record) -> Occasion:
    sizes = {name: action[name] for name in _SIZES if int(action.get(name, -1)) >= 0}
    arguments = {"AutoScalingGroupName": action["AutoScalingGroupName"], **sizes}
    call = Call("autoscaling", "UpdateAutoScalingGroup", arguments, account, region)
    over = partial(autoscaling._scheduled_actions._data.pop, (account, region, key), None)
    name = action["ScheduledActionName"]
    return Occasion("scheduled action", name, group_timing(action), str(call), call.make, over=over)


def _target_action(account: str, region: str, action: Record) -> Occasion:
    limits = {name: value for name, value in (action.get("ScalableTargetAction") or {}).items() if value is not None}
    arguments = {**{name: action[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}, **limits}
    call = Call("application-autoscaling", "RegisterScalableTarget", arguments, account, region)
    return Occasion("scheduled action", action["ScheduledActionName"], target_timing(action), str(call), call.make)
