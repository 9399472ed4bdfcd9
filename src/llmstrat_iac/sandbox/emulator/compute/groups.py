"""Auto Scaling groups as the API sees them: created, described, changed, deleted, and their instances one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import autoscaling, ec2

from llmstrat_iac.sandbox.emulator.compute import capacity, launch_templates
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
_SERVICE_ROLE = "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
_APART = ("Tags", "LifecycleHookSpecificationList", "InstanceId")
_DEFAULTS = {
    "DefaultCooldown": 300, "HealthCheckType": "EC2", "HealthCheckGracePeriod": 0, "TerminationPolicies": ["Default"],
    "NewInstancesProtectedFromScaleIn": False, "CapacityRebalance": False,
}  # fmt: skip
_LISTS = ("LoadBalancerNames", "TargetGroupARNs", "SuspendedProcesses", "EnabledMetrics")


def group(name: str) -> Record:
    """A group's record."""
    found: Record | None = autoscaling._asgs.get(name)
    if found is None:
        raise ApiError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    return found


def create(asked: Arguments) -> Mapping[str, Any]:
    """CreateAutoScalingGroup."""
    name = asked["AutoScalingGroupName"]
    if name in autoscaling._asgs:
        raise ApiError(
            "AlreadyExists",
            f"A group with the name {name} already exists",
        )
    if not any(asked.get(key) for key in ("LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName")):
        message = "Valid requests must contain either LaunchTemplate, InstanceId or MixedInstancesPolicy parameter."
        raise ApiError("ValidationError", message)
    record: Record = {
        **_DEFAULTS,
        **{name: [] for name in _LISTS},
        **{
            key: value
            for key, value in asked.items()
            if key not in ("Tags", "LifecycleHookSpecificationList", "InstanceId")
        },
        "AutoScalingGroupARN": _arn(name),
        "ServiceLinkedRoleARN": asked.get("ServiceLinkedRoleARN")
        or f"arn:aws:iam::{get_account_id()}:role/aws-service-role/{_SERVICE_ROLE}",
        "DesiredCapacity": asked["MinSize"] if asked.get("DesiredCapacity") is None else asked["DesiredCapacity"],
        "CreatedTime": autoscaling.now_iso(),
        "Instances": [],
        "Tags": [
            {"PropagateAtLaunch": False, "Value": "", **tag, "ResourceId": name, "ResourceType": "auto-scaling-group"}
            for tag in asked.get("Tags") or ()
        ],
        "_activities": [],
        "_refreshes": [],
    }
    _check_sizes(record)
    _check_templates(record)
    check_targets(record["TargetGroupARNs"])
    record["AvailabilityZones"] = _zones(record)
    autoscaling._asgs[name] = record
    autoscaling._tags[name] = record["Tags"]
    for hook in asked.get("LifecycleHookSpecificationList") or ():
        autoscaling._hooks[f"{name}/{hook['LifecycleHookName']}"] = autoscaling._hook_record(
            name, hook["LifecycleHookName"], hook
        )
    capacity.settle(record)
    return {}


def _arn(name: str) -> str:
    account, region = get_account_id(), get_region()
    return f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{new_uuid()}:autoScalingGroupName/{name}"


def _check_sizes(record: Record) -> None:
    least, most, wanted = (int(record[key]) for key in ("MinSize", "MaxSize", "DesiredCapacity"))
    if least > most:
        raise ApiError("ValidationError", f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if not least <= wanted <= most:
        message = f"Desired capacity:{wanted} must be between the specified min size:{least} and max size:{most}"
        raise ApiError("ValidationError", message)


def _check_templates(record: Record) -> None:
    """All templates that are named must be there; EC2's refusals come back as Auto Scaling's."""
    mixed = record.get("MixedInstancesPolicy") or {}
    template = mixed.get("LaunchTemplate") or {}
    named = [record.get("LaunchTemplate"), template.get("LaunchTemplateSpecification")]
    named += [each.get("LaunchTemplateSpecification") for each in template.get("Overrides") or ()]
    for specification in named:
        if specification:
            try:
                found = launch_templates.template_of(specification)
                launch_templates.resolve(specification)
            except ApiError as error:
                message = f"You must use a valid fully-formed launch template. {error.message}"
                raise ApiError("ValidationError", message) from None
            specification |= {key: found[key] for key in ("LaunchTemplateId", "LaunchTemplateName")}


def check_targets(groups: list[str]) -> None:
    """Refuse target groups that aren't there."""
    from ministack.services import alb

    for each in groups:
        if each not in alb._tgs:
            message = f"Provided Target Groups may not be valid. Please ensure they exist and try again. ({each})"
            raise ApiError("ValidationError", message)


def _zones(record: Record) -> list[str]:
    places = capacity.subnets_of(record)
    if not places and not record.get("AvailabilityZones"):
        raise ApiError("ValidationError", "At least one Availability Zone or VPC Subnet is required.")
    return sorted({ec2._subnets[each]["AvailabilityZone"] for each in places}) or list(record["AvailabilityZones"])


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeAutoScalingGroups."""
    names = asked.get("AutoScalingGroupNames") or ()
    kept = []
    for name, record in autoscaling._asgs.items():
        if (not names or name in names) and _passes(record, asked.get("Filters") or ()):
            sources = [{"Identifier": each, "Type": "elbv2"} for each in record["TargetGroupARNs"]]
            kept.append({**record, "TrafficSources": sources})
    return {"AutoScalingGroups": kept}


def _passes(record: Record, filters: Any) -> bool:
    held = {tag["Key"]: tag.get("Value", "") for tag in record["Tags"]}
    for each in filters:
        name, values = each["Name"], each.get("Values") or ()
        if name.startswith("tag:"):
            found = [held[name[4:]]] if name[4:] in held else []
        else:
            found = list(held) if name == "tag-key" else list(held.values())
        if not set(found) & set(values):
            return False
    return True


def update(asked: Arguments) -> Mapping[str, Any]:
    """UpdateAutoScalingGroup."""
    record = group(asked["AutoScalingGroupName"])
    changed = {**record, **{key: value for key, value in asked.items() if value is not None}}
    if asked.get("DesiredCapacity") is None:
        wanted = max(int(changed["MinSize"]), min(int(record["DesiredCapacity"]), int(changed["MaxSize"])))
        changed["DesiredCapacity"] = wanted
    # A group has one source of instances: naming another drops the one before.
    for own in ("LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName"):
        if asked.get(own):
            for other in {"LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName"} - {own}:
                changed.pop(other, None)
    _check_sizes(changed)
    _check_templates(changed)
    changed["AvailabilityZones"] = _zones(changed)
    for key in record.keys() - changed.keys():
        del record[key]
    record.update(changed)
    capacity.settle(record)
    return {}


def set_capacity(asked: Arguments) -> Mapping[str, Any]:
    """SetDesiredCapacity."""
    record = group(asked["AutoScalingGroupName"])
    wanted, least, most = int(asked["DesiredCapacity"]), int(record["MinSize"]), int(record["MaxSize"])
    if not least <= wanted <= most:
        which = f"above max value {most}" if wanted > most else f"below min value {least}"
        message = f"New SetDesiredCapacity value {wanted} is {which} for the AutoScalingGroup."
        raise ApiError("ValidationError", message)
    record["DesiredCapacity"] = wanted
    capacity.settle(record)
    return {}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """DeleteAutoScalingGroup; with instances in it only by force."""
    name = asked["AutoScalingGroupName"]
    record = group(name)
    if record["Instances"] and not asked.get("ForceDelete"):
        message = "You cannot delete an AutoScalingGroup while there are instances still in the group."
        raise ApiError("ResourceInUse", message)
    record |= {"MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0}
    capacity.settle(record)
    autoscaling._asgs.pop(name, None)
    autoscaling._tags.pop(name, None)
    autoscaling._delete_group_policies(name)
    autoscaling._delete_group_hooks(name)
    for key in [key for key, each in autoscaling._scheduled_actions.items() if each["AutoScalingGroupName"] == name]:
        autoscaling._scheduled_actions.pop(key, None)
    return {}


def release(name: str, instance_id: str) -> bool:
    """Take an instance out of its group for good, as it asks for itself; False if it isn't in."""
    record = autoscaling._asgs.get(name)
    if record is None or not any(each["InstanceId"] == instance_id for each in record["Instances"]):
        return False
    terminate({"InstanceId": instance_id, "ShouldDecrementDesiredCapacity": True})
    return True


def terminate(asked: Arguments) -> Mapping[str, Any]:
    """TerminateInstanceInAutoScalingGroup."""
    record, member = _member(asked["InstanceId"])
    if asked["ShouldDecrementDesiredCapacity"]:
        if int(record["DesiredCapacity"]) <= int(record["MinSize"]):
            message = f"Currently, desiredSize equals minSize ({record['MinSize']}): it can't be decremented."
            raise ApiError("ValidationError", message)
        record["DesiredCapacity"] = int(record["DesiredCapacity"]) - 1
    capacity.remove(record, member)
    capacity.settle(record)
    activity = next(each for each in record["_activities"] if member["InstanceId"] in each["Description"])
    return {"Activity": activity}


def _member(instance_id: str) -> tuple[Record, Record]:
    for record in autoscaling._asgs.values():
        for member in record["Instances"]:
            if member["InstanceId"] == instance_id:
                return record, member
    raise ApiError("ValidationError", f"No managed instance found for instance ID: {instance_id}")


def set_health(asked: Arguments) -> Mapping[str, Any]:
    """SetInstanceHealth: an unhealthy instance is replaced."""
    record, member = _member(asked["InstanceId"])
    if asked["HealthStatus"] != "Healthy":
        capacity.remove(record, member)
        capacity.settle(record)
    return {}


def set_protection(asked: Arguments) -> Mapping[str, Any]:
    """SetInstanceProtection."""
    for instance_id in asked["InstanceIds"]:
        _member(instance_id)[1]["ProtectedFromScaleIn"] = bool(asked["ProtectedFromScaleIn"])
    return {}


def describe_instances(asked: Arguments) -> Mapping[str, Any]:
    """DescribeAutoScalingInstances."""
    wanted = asked.get("InstanceIds") or ()
    rows = [
        {**member, "AutoScalingGroupName": name}
        for name, record in autoscaling._asgs.items()
        for member in record["Instances"]
        if not wanted or member["InstanceId"] in wanted
    ]
    return {"AutoScalingInstances": rows}


def describe_activities(asked: Arguments) -> Mapping[str, Any]:
    """DescribeScalingActivities, the newest first."""
    name = asked.get("AutoScalingGroupName")
    records = [group(name)] if name else list(autoscaling._asgs.values())
    rows = [each for record in records for each in record["_activities"]]
    return {"Activities": rows[: int(asked.get("MaxRecords") or capacity.MOST_ACTIVITIES)]}
