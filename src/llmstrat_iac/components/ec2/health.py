"""How a fleet on EC2 is: its instances, what the balancer thinks of them, and why the last ones couldn't be had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.open_model import FleetHealth

_ACTIVITIES = 10


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
        rests = bool(outputs.get("paused"))
        return FleetHealth("no instances" + (": paused" if rests else ": none are wanted at this time"), well=True)
    targets = _targets(str(outputs["target_group_arn"]), session)
    answering = sum(1 for health in targets.values() if health["State"] == "healthy")
    problems = (*_unhealthy(targets), *(_failed(client, name) if answering < wanted else ()))
    return FleetHealth(f"{answering} of {wanted} instances answer", well=answering >= wanted, problems=problems)


def _targets(arn: str, session: AwsSession) -> dict[str, Mapping[str, Any]]:
    described = session.client("elbv2").describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    return {each["Target"]["Id"]: each["TargetHealth"] for each in described}


def _unhealthy(targets: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for instance, health in sorted(targets.items()):
        if health["State"] not in ("healthy", "draining"):
            why = health.get("Description") or health.get("Reason") or "no reason given"
            yield f"{instance} is {health['State']}: {why}"


def _failed(client: Any, group: str) -> Iterator[str]:
    """The newest activity that went wrong, or that replaced an instance; older ones are history."""
    activities = client.describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=_ACTIVITIES)["Activities"]
    for activity in activities:
        if activity.get("StatusCode") in ("Failed", "Cancelled"):
            yield f"{activity['StatusCode'].lower()}: {activity.get('StatusMessage') or activity.get('Cause', '')}"
            return
        if "Terminating" in activity.get("Description", ""):
            yield activity.get("Cause") or activity["Description"]
            return
