"""What else a group holds: target groups, metrics, suspended processes, hooks with all their members, and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import autoscaling

from llmstrat_iac.sandbox.emulator.compute import groups, target_groups
from llmstrat_iac.sandbox.emulator.tuning.protocol import Arguments

_METRICS = (
    "GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
    "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances",
)  # fmt: skip


def attach(asked: Arguments) -> Mapping[str, Any]:
    """AttachLoadBalancerTargetGroups, with the instances that the group has."""
    return _attach(asked["AutoScalingGroupName"], asked["TargetGroupARNs"])


def attach_sources(asked: Arguments) -> Mapping[str, Any]:
    """AttachTrafficSources."""
    return _attach(asked["AutoScalingGroupName"], [each["Identifier"] for each in asked["TrafficSources"]])


def _attach(name: str, arns: list[str]) -> Mapping[str, Any]:
    record = groups.group(name)
    groups.check_targets(arns)
    for arn in arns:
        if arn not in record["TargetGroupARNs"]:
            record["TargetGroupARNs"] = [*record["TargetGroupARNs"], arn]
            for member in record["Instances"]:
                target_groups.add_target(arn, member["InstanceId"])
    return {}


def detach(asked: Arguments) -> Mapping[str, Any]:
    """DetachLoadBalancerTargetGroups."""
    return _detach(asked["AutoScalingGroupName"], asked["TargetGroupARNs"])


def detach_sources(asked: Arguments) -> Mapping[str, Any]:
    """DetachTrafficSources."""
    return _detach(asked["AutoScalingGroupName"], [each["Identifier"] for each in asked["TrafficSources"]])


def _detach(name: str, arns: list[str]) -> Mapping[str, Any]:
    record = groups.group(name)
    record["TargetGroupARNs"] = [each for each in record["TargetGroupARNs"] if each not in arns]
    for arn in arns:
        for member in record["Instances"]:
            target_groups.remove_target(arn, member["InstanceId"])
    return {}


def enable_metrics(asked: Arguments) -> Mapping[str, Any]:
    """EnableMetricsCollection."""
    record = groups.group(asked["AutoScalingGroupName"])
    held = {each["Metric"] for each in record["EnabledMetrics"]} | set(asked.get("Metrics") or _METRICS)
    record["EnabledMetrics"] = [{"Metric": each, "Granularity": asked["Granularity"]} for each in sorted(held)]
    return {}


def disable_metrics(asked: Arguments) -> Mapping[str, Any]:
    """DisableMetricsCollection."""
    record = groups.group(asked["AutoScalingGroupName"])
    gone = set(asked.get("Metrics") or [each["Metric"] for each in record["EnabledMetrics"]])
    record["EnabledMetrics"] = [each for each in record["EnabledMetrics"] if each["Metric"] not in gone]
    return {}


def suspend(asked: Arguments) -> Mapping[str, Any]:
    """SuspendProcesses: remembered; the emulator's groups act all the same."""
    record = groups.group(asked["AutoScalingGroupName"])
    held = {each["ProcessName"] for each in record["SuspendedProcesses"]} | set(asked.get("ScalingProcesses") or ())
    record["SuspendedProcesses"] = [
        {"ProcessName": each, "SuspensionReason": "User suspended"} for each in sorted(held)
    ]
    return {}


def resume(asked: Arguments) -> Mapping[str, Any]:
    """ResumeProcesses."""
    record = groups.group(asked["AutoScalingGroupName"])
    gone = set(asked.get("ScalingProcesses") or [each["ProcessName"] for each in record["SuspendedProcesses"]])
    record["SuspendedProcesses"] = [each for each in record["SuspendedProcesses"] if each["ProcessName"] not in gone]
    return {}


def describe_hooks(asked: Arguments) -> Mapping[str, Any]:
    """DescribeLifecycleHooks. The emulator's instances complete them at once."""
    name, wanted = asked["AutoScalingGroupName"], asked.get("LifecycleHookNames") or ()
    groups.group(name)
    hooks = [
        {key: value for key, value in {"GlobalTimeout": 172_800, **hook}.items() if value not in ("", None)}
        for hook in autoscaling._hooks.values()
        if hook["AutoScalingGroupName"] == name and (not wanted or hook["LifecycleHookName"] in wanted)
    ]
    return {"LifecycleHooks": hooks}


def describe_tags(asked: Arguments) -> Mapping[str, Any]:
    """DescribeTags, with filters."""
    rows = [tag for tags in autoscaling._tags.values() for tag in tags]
    for each in asked.get("Filters") or ():
        values = each.get("Values") or ()
        rows = [row for row in rows if _tag_facts(row).get(each["Name"]) in values]
    return {"Tags": rows}


def _tag_facts(tag: Mapping[str, Any]) -> dict[str, str]:
    carried = str(bool(tag["PropagateAtLaunch"])).lower()
    names = {"auto-scaling-group": tag["ResourceId"], "key": tag["Key"], "value": tag["Value"]}
    return {**names, "propagate-at-launch": carried}


def describe_warm_pool(asked: Arguments) -> Mapping[str, Any]:
    """DescribeWarmPool: no group has one."""
    groups.group(asked["AutoScalingGroupName"])
    return {"Instances": []}
