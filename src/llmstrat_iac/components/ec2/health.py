"""How a fleet on EC2 is: its instances, what the balancer thinks of them, and why the last ones couldn't be had."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from llmstrat_iac.components.leftovers import unless_absent
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.open_model import FleetHealth

_ACTIVITIES = 10
_INSTANCE = re.compile(r"\bi-[0-9a-f]+\b")


def fleet_health(outputs: Mapping[str, Any], session: AwsSession) -> FleetHealth:
    """Ask the Auto Scaling group and the target group."""
    client = session.client("autoscaling")
    name = str(outputs["group"])
    groups = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if not groups:
        return FleetHealth("the group is gone", well=False, problems=(f"there is no Auto Scaling group `{name}`",))
    group = groups[0]
    wanted = int(group["DesiredCapacity"])
    if wanted == 0 and not group["Instances"]:
        reason = None if outputs.get("paused") else _given_up(outputs, client, session)
        if reason is not None:
            summary = "no instances: the fleet gave up after three failures within two hours"
            return FleetHealth(summary, well=False, problems=(reason,))
        rests = bool(outputs.get("paused"))
        return FleetHealth("no instances" + (": paused" if rests else ": none are wanted at this time"), well=True)
    targets = _targets(str(outputs["target_group_arn"]), session)
    answering = sum(1 for health in targets.values() if health["State"] == "healthy")
    problems = (*_unhealthy(targets), *(_failed(outputs, client, session) if answering < wanted else ()))
    return FleetHealth(f"{answering} of {wanted} instances answer", well=answering >= wanted, problems=problems)


def _targets(arn: str, session: AwsSession) -> dict[str, Mapping[str, Any]]:
    described = session.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {each["Target"]["Id"]: each["TargetHealth"] for each in described}


def _unhealthy(targets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for instance, health in sorted(targets.items()):
        if health["State"] not in ("healthy", "draining"):
            why = health.get("Description") or health.get("Reason") or "no reason given"
            yield f"{instance} is {health['State']}: {why}"


def _failed(outputs: Mapping[str, Any], client: Any, session: AwsSession) -> Iterator[str]:
    """The newest activity that went wrong, or that replaced an instance; older ones are history."""
    for activity in _activities(outputs, client):
        if activity.get("StatusCode") in ("Failed", "Cancelled"):
            yield f"{activity['StatusCode'].lower()}: {activity.get('StatusMessage') or activity.get('Cause', '')}"
            return
        if "Terminating" in activity.get("Description", ""):
            reason = _reported(activity, outputs, session)
            yield reason or activity.get("Cause") or activity["Description"]
            return


def _given_up(outputs: Mapping[str, Any], client: Any, session: AwsSession) -> str | None:
    """Why the last instance took its place in the group with it; None if the clock, a user or the expiry ended it."""
    newest = next(iter(_activities(outputs, client)), None)
    return None if newest is None else _reported(newest, outputs, session)


def _activities(outputs: Mapping[str, Any], client: Any) -> list[Mapping[str, Any]]:
    name = str(outputs["group"])
    found: list[Mapping[str, Any]] = client.describe_scaling_activities(
        AutoScalingGroupName=name, MaxRecords=_ACTIVITIES
    )["Activities"]
    return found


def _reported(activity: Mapping[str, Any], outputs: Mapping[str, Any], session: AwsSession) -> str | None:
    """What the activity's instance has said of itself before it went (`scripts/failed.sh`); None if nothing."""
    instance = _INSTANCE.search(activity.get("Description", ""))
    if instance is None or not outputs.get("log_group"):
        return None
    arguments = {"logGroupName": str(outputs["log_group"]), "logStreamName": f"failed/{instance.group()}"}
    client = session.client("logs")
    answer = unless_absent(lambda: client.get_log_events(**arguments, limit=1))
    events = (answer or {}).get("events") or ()
    return f"{instance.group()}: {events[0]['message'].strip()}" if events else None
