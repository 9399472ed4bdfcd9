"""Instance refreshes: one instance after the other is replaced by one of the group's template as it is now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import alb, autoscaling

from llmstrat_iac.sandbox.emulator.compute import capacity, groups, launch_templates, target_groups
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
_OPEN = ("Pending", "InProgress", "Cancelling")
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0
_tasks: dict[str, asyncio.Task[None]] = {}


def start(asked: Arguments) -> Mapping[str, Any]:
    """StartInstanceRefresh; one at a time for each group."""
    record = groups.group(asked["AutoScalingGroupName"])
    if any(each["Status"] in _OPEN for each in record["_refreshes"]):
        raise ApiError(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress.",
        )
    desired = asked.get("DesiredConfiguration") or {}
    changes = {key: desired[key] for key in ("LaunchTemplate", "MixedInstancesPolicy") if desired.get(key)}
    refresh: Record = {
        "InstanceRefreshId": new_uuid(),
        "AutoScalingGroupName": record["AutoScalingGroupName"],
        "Status": "Pending",
        "StartTime": autoscaling.now_iso(),
        "PercentageComplete": 0,
        "InstancesToUpdate": len(record["Instances"]),
        "Preferences": asked.get("Preferences"),
        "DesiredConfiguration": desired or None,
        "Strategy": asked.get("Strategy") or "Rolling",
    }
    if changes:
        groups.update({"AutoScalingGroupName": record["AutoScalingGroupName"], **changes})
    record["_refreshes"].insert(0, refresh)
    task = asyncio.get_running_loop().create_task(_run(record, refresh))
    _tasks[refresh["InstanceRefreshId"]] = task
    task.add_done_callback(lambda _: _tasks.pop(refresh["InstanceRefreshId"], None))
    return {"InstanceRefreshId": refresh["InstanceRefreshId"]}


async def _run(record: Record, refresh: Record) -> None:
    skip = bool((refresh["Preferences"] or {}).get("SkipMatching"))
    old = [each for each in record["Instances"] if not (skip and _current(record, each))]
    refresh |= {"Status": "InProgress", "InstancesToUpdate": len(old)}
    for number, member in enumerate(old, 1):
        if member in record["Instances"]:
            capacity.replace(record, member)
            if not await _served(record):
                refresh |= {"Status": "Failed", "StatusReason": "The new instances didn't become healthy in time."}
                refresh["EndTime"] = autoscaling.now_iso()
                return
        left = len(old) - number
        refresh |= {"PercentageComplete": 100 * number // len(old), "InstancesToUpdate": left}
    refresh |= {"Status": "Successful", "PercentageComplete": 100, "EndTime": autoscaling.now_iso()}


def _current(record: Record, member: Record) -> bool:
    """Whether a member is of the version that would be launched now."""
    if not record.get("LaunchTemplate"):
        return False
    template = launch_templates.template_of(record["LaunchTemplate"])
    version = str(launch_templates.resolve(record["LaunchTemplate"])[1])
    own = member["LaunchTemplate"]
    return bool(own["LaunchTemplateId"] == template["LaunchTemplateId"] and own["Version"] == version)


async def _served(record: Record) -> bool:
    """Wait until all members are healthy in all target groups."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if all(_healthy(record, arn) for arn in record["TargetGroupARNs"] if arn in alb._tgs):
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


def _healthy(record: Record, arn: str) -> bool:
    members = {each["InstanceId"] for each in record["Instances"]}
    targets = [each for each in alb._targets.get(arn) or () if each["Id"] in members]
    return len(targets) == len(members) and all(
        target_groups.health(alb._tgs[arn], each)[0] in ("healthy", "unused") for each in targets
    )


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeInstanceRefreshes, the newest first."""
    wanted = asked.get("InstanceRefreshIds") or ()
    rows = groups.group(asked["AutoScalingGroupName"])["_refreshes"]
    return {"InstanceRefreshes": [each for each in rows if not wanted or each["InstanceRefreshId"] in wanted]}


def cancel(asked: Arguments) -> Mapping[str, Any]:
    """CancelInstanceRefresh."""
    for refresh in groups.group(asked["AutoScalingGroupName"])["_refreshes"]:
        if refresh["Status"] in _OPEN:
            task = _tasks.get(refresh["InstanceRefreshId"])
            if task is not None:
                task.cancel()
            refresh |= {"Status": "Cancelled", "EndTime": autoscaling.now_iso()}
            return {"InstanceRefreshId": refresh["InstanceRefreshId"]}
    raise ApiError("ActiveInstanceRefreshNotFound", "No Instance Refresh is in progress or pending.")
