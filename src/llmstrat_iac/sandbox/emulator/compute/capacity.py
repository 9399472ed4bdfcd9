"""What keeps an Auto Scaling group at its desired number: launching, ending, and trying again."""

from __future__ import annotations

import asyncio
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import autoscaling, ec2

from llmstrat_iac.sandbox.emulator.compute import instances, launch_templates, target_groups
from llmstrat_iac.sandbox.emulator.compute.launching import launch
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError

Record = dict[str, Any]
MOST_ACTIVITIES = 100
_RETRY_SECONDS = 0.5
_GROUP_TAG = "aws:autoscaling:groupName"
_DIFFERENCE = "a difference between desired and actual capacity"
_retries: set[asyncio.Task[None]] = set()


def subnets_of(record: Record) -> list[str]:
    """A group's subnets, which must be there."""
    found = [each.strip() for each in (record.get("VPCZoneIdentifier") or "").split(",") if each.strip()]
    for subnet_id in found:
        if subnet_id not in ec2._subnets:
            raise ApiError("ValidationError", f"The subnet ID '{subnet_id}' does not exist")
    return found


def settle(record: Record) -> None:
    """Bring a group's instances to the desired number: those that ended leave, the oldest go first, new ones come."""
    for member in list(record["Instances"]):
        found = ec2._instances.get(member["InstanceId"])
        if found is None or found["State"]["Name"] != "running":
            _forget(record, member)
    _terminate_surplus(record)
    while len(record["Instances"]) < int(record["DesiredCapacity"]):
        if not _add(record):
            _retry_later(record)
            return


def _terminate_surplus(record: Record) -> None:
    surplus = len(record["Instances"]) - int(record["DesiredCapacity"])
    # Deleting or emptying a group ends protected instances, too; scaling in doesn't.
    free = [each for each in record["Instances"] if not each["ProtectedFromScaleIn"] or not int(record["MaxSize"])]
    for member in free[: max(0, surplus)]:
        remove(record, member)


def remove(record: Record, member: Record) -> None:
    """Take a member out of its group and end it."""
    _forget(record, member)
    _end(member["InstanceId"])


def _end(instance_id: str) -> None:
    found = ec2._instances.get(instance_id)
    if found is not None:
        found.pop("_protected", None)
        instances.end(found, "terminated", instances.BY_GROUP)


def _forget(record: Record, member: Record) -> None:
    record["Instances"] = [each for each in record["Instances"] if each is not member]
    for target_group in record["TargetGroupARNs"]:
        target_groups.remove_target(target_group, member["InstanceId"])
    found = ec2._instances.get(member["InstanceId"]) or {}
    reason = (found.get("StateReason") or {}).get("Message") or _DIFFERENCE
    _note(record, f"Terminating EC2 instance: {member['InstanceId']}", reason)


def _add(record: Record) -> bool:
    """Launch one more; False if that isn't possible now."""
    failure = None
    for specification, overrides in _sources(record):
        try:
            _join(record, _launched(record, specification, overrides), specification)
        except ApiError as error:
            failure = error
        else:
            return True
    if failure is not None:
        _note(
            record,
            "Launching a new EC2 instance.",
            "capacity",
            failure=f"{failure.message} Launching EC2 instance failed.",
        )
    return False


def _sources(record: Record) -> list[tuple[Record, Record]]:
    """Launch templates with what differs from them, in the order in which they are tried."""
    mixed = record.get("MixedInstancesPolicy")
    if not mixed:
        return [(record["LaunchTemplate"], {})] if record.get("LaunchTemplate") else []
    template, distribution = mixed["LaunchTemplate"], mixed.get("InstancesDistribution") or {}
    base = int(distribution.get("OnDemandBaseCapacity") or 0)
    share = distribution.get("OnDemandPercentageAboveBaseCapacity")
    above = len(record["Instances"]) - base
    demand = above < 0 or above * 100 < (100 if share is None else int(share)) * (above + 1)
    market = {} if demand else {"InstanceMarketOptions": {"MarketType": "spot"}}
    return [
        (
            each.get("LaunchTemplateSpecification") or template["LaunchTemplateSpecification"],
            market | ({"InstanceType": each["InstanceType"]} if each.get("InstanceType") else {}),
        )
        for each in template.get("Overrides") or [{}]
    ]


def _launched(record: Record, specification: Record, overrides: Record) -> Record:
    """An instance in the subnet, of those that will take it, where the group has the fewest."""
    tags = {tag["Key"]: tag["Value"] for tag in record["Tags"] if tag.get("PropagateAtLaunch")}
    tags[_GROUP_TAG] = record["AutoScalingGroupName"]
    data, _ = launch_templates.resolve(specification)
    used = [ec2._instances[each["InstanceId"]]["SubnetId"] for each in record["Instances"]]
    failure: ApiError | None = None
    for place in sorted(subnets_of(record) or [""], key=used.count):
        interfaces = [{**each, "SubnetId": place} for each in data.get("NetworkInterfaces") or ()] if place else []
        where: Record = {"NetworkInterfaces": interfaces} if interfaces else ({"SubnetId": place} if place else {})
        try:
            return launch({"LaunchTemplate": specification, **overrides, **where}, tags)
        except ApiError as error:
            failure = error
    assert failure is not None
    raise failure


def _join(record: Record, made: Record, specification: Record) -> None:
    template, version = launch_templates.template_of(specification), launch_templates.resolve(specification)[1]
    record["Instances"].append(
        {
            "InstanceId": made["InstanceId"],
            "InstanceType": made["InstanceType"],
            "AvailabilityZone": made["Placement"]["AvailabilityZone"],
            "LifecycleState": "InService",
            "HealthStatus": "Healthy",
            "ImageId": made["ImageId"],
            "LaunchTemplate": {
                "LaunchTemplateId": template["LaunchTemplateId"],
                "LaunchTemplateName": template["LaunchTemplateName"],
                "Version": str(version),
            },
            "ProtectedFromScaleIn": bool(record["NewInstancesProtectedFromScaleIn"]),
        }
    )
    for target_group in record["TargetGroupARNs"]:
        target_groups.add_target(target_group, made["InstanceId"])
    _note(
        record,
        f"Launching a new EC2 instance: {made['InstanceId']}",
        "a difference between desired and actual capacity",
    )
    instances.began(made)


def replace(record: Record, member: Record) -> None:
    """Launch another in a member's place, then end the member."""
    if not _add(record):
        return
    remove(record, member)
    settle(record)


def _retry_later(record: Record) -> None:
    """A launch that failed is tried again, as long as the group is there."""

    async def retry() -> None:
        await asyncio.sleep(_RETRY_SECONDS)
        record.pop("_retrying", None)
        if autoscaling._asgs.get(record["AutoScalingGroupName"]) is record:
            settle(record)

    if not record.get("_retrying") and (record.get("LaunchTemplate") or record.get("MixedInstancesPolicy")):
        record["_retrying"] = True
        task = asyncio.get_running_loop().create_task(retry())
        _retries.add(task)
        task.add_done_callback(_retries.discard)


def _note(record: Record, description: str, cause: str, *, failure: str | None = None) -> None:
    moment = autoscaling.now_iso()
    activity = {
        "ActivityId": new_uuid(),
        "AutoScalingGroupName": record["AutoScalingGroupName"],
        "AutoScalingGroupARN": record["AutoScalingGroupARN"],
        "Description": description,
        "Cause": f"At {moment} an instance was changed in response to {cause}.",
        "StartTime": moment,
        "EndTime": moment,
        "StatusCode": "Failed" if failure else "Successful",
        "StatusMessage": failure,
        "Progress": 100,
    }
    newest = record["_activities"][:1]
    if failure and newest and newest[0]["StatusMessage"] == failure:
        newest[0] |= activity
    else:
        record["_activities"] = [activity, *record["_activities"]][:MOST_ACTIVITIES]


def ended(instance: Record) -> None:
    """An instance has ended: its group brings another."""
    for record in autoscaling._asgs.values():
        if any(each["InstanceId"] == instance["InstanceId"] for each in record["Instances"]):
            settle(record)
