"""Instances' lives: run, described, changed, stopped, started, terminated, with whatever watches told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.compute.filters import matches
from llmstrat_iac.sandbox.emulator.compute.launching import launch
from llmstrat_iac.sandbox.emulator.compute.tags import tag_map, tags_of
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
_STATES = {"running": 16, "stopped": 80, "terminated": 48}
_USER = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
RECLAIMED = ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination")
BY_GROUP = ("Server.ScheduledStop", "Server.ScheduledStop: Ended by its Auto Scaling group")
SHUTDOWN = ("Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown")
# Told of an instance that has begun to run, or has ended.
on_run: list[Callable[[Record], None]] = []
on_end: list[Callable[[Record], None]] = []


def run(asked: Arguments) -> Mapping[str, Any]:
    """RunInstances."""
    least, most = int(asked.get("MinCount") or 1), int(asked.get("MaxCount") or 1)
    if least > most:
        message = f"Value ({least}) for parameter MinCount is not valid. MinCount must not exceed MaxCount."
        raise ApiError("InvalidParameterCombination", message)
    records = [launch(asked) for _ in range(most)]
    for record in records:
        began(record)
    shown = [shown_instance(record) for record in records]
    return {"ReservationId": f"r-{records[0]['InstanceId'][2:]}", "OwnerId": get_account_id(), "Instances": shown}


def began(record: Record) -> None:
    """Tell that an instance runs."""
    for listener in on_run:
        listener(record)


def instance(instance_id: str) -> Record:
    """An instance's record."""
    if not ec2._INSTANCE_ID_RE.match(instance_id):
        raise ApiError("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
    found: Record | None = ec2._instances.get(instance_id)
    if found is None:
        raise ApiError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
    return found


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeInstances, with the filters that upstream ignores."""
    ec2._cleanup_terminated()
    ids = asked.get("InstanceIds") or ()
    records = [instance(each) for each in ids] if ids else list(ec2._instances.values())
    kept = [each for each in records if matches(asked.get("Filters"), _facts(each), tags_of(each["InstanceId"]))]
    owner = get_account_id()
    return {
        "Reservations": [
            {"ReservationId": f"r-{each['InstanceId'][2:]}", "OwnerId": owner, "Instances": [shown_instance(each)]}
            for each in kept
        ]
    }


def shown_instance(record: Record) -> Record:
    """A record as EC2 tells of it."""
    held = [{**each, "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": each["PrivateIpAddress"]}]}
            for each in record.get("NetworkInterfaces") or ()]  # fmt: skip
    shown = {key: value for key, value in record.items() if not key.startswith("_")}
    shown["VirtualizationType"] = record.get("Virtualization", "hvm")
    return {**shown, "NetworkInterfaces": held, "Tags": tags_of(record["InstanceId"])}


def _facts(record: Record) -> dict[str, list[str | None]]:
    profile = record.get("IamInstanceProfile") or {}
    placement = record["Placement"]
    return {
        "instance-id": [record["InstanceId"]],
        "instance-state-name": [record["State"]["Name"]],
        "instance-state-code": [str(record["State"]["Code"])],
        "instance-type": [record["InstanceType"]],
        "image-id": [record["ImageId"]],
        "subnet-id": [record["SubnetId"]],
        "vpc-id": [record["VpcId"]],
        "availability-zone": [placement["AvailabilityZone"]],
        "placement-group-name": [placement.get("GroupName")],
        "private-ip-address": [record["PrivateIpAddress"]],
        "iam-instance-profile.arn": [profile.get("Arn")],
        "instance.group-id": [group["GroupId"] for group in record.get("SecurityGroups") or ()],
        "instance-lifecycle": [record.get("InstanceLifecycle")],
    }


def terminate(asked: Arguments) -> Mapping[str, Any]:
    """TerminateInstances."""
    records = [instance(each) for each in asked["InstanceIds"]]
    for record in records:
        if (record.get("_protected") or {}).get("DisableApiTermination"):
            message = (
                f"The instance '{record['InstanceId']}' may not be terminated. Modify its 'disableApiTermination' "
                "instance attribute and try again."
            )
            raise ApiError("OperationNotPermitted", message)
    return {"TerminatingInstances": [_changed(record, "terminated", _USER) for record in records]}


def stop(asked: Arguments) -> Mapping[str, Any]:
    """StopInstances; one-time spot instances can't be stopped."""
    records = [instance(each) for each in asked["InstanceIds"]]
    for record in records:
        if record.get("InstanceLifecycle") == "spot":
            message = f"You can't stop the Spot Instance '{record['InstanceId']}' of a one-time Spot Instance request."
            raise ApiError("UnsupportedOperation", message)
    return {"StoppingInstances": [_changed(record, "stopped", _USER) for record in records]}


def start(asked: Arguments) -> Mapping[str, Any]:
    """StartInstances."""
    records = [instance(each) for each in asked["InstanceIds"]]
    for record in records:
        if record["State"]["Name"] == "terminated":
            message = f"The instance '{record['InstanceId']}' is not in a state from which it can be started."
            raise ApiError("IncorrectInstanceState", message)
    return {"StartingInstances": [_changed(record, "running", None) for record in records]}


def _changed(record: Record, state: str, reason: tuple[str, str] | None) -> Record:
    before = dict(record["State"])
    if state == "running" and before["Name"] != "running":
        record["State"] = {"Code": _STATES[state], "Name": state}
        began(record)
    elif state != "running":
        end(record, state, reason or _USER)
    return {"InstanceId": record["InstanceId"], "PreviousState": before, "CurrentState": dict(record["State"])}


def end(record: Record, state: str, reason: tuple[str, str]) -> None:
    """Bring an instance to `stopped` or `terminated`; one that is terminated stays so."""
    if record["State"]["Name"] in ("terminated", state):
        return
    record["State"] = {"Code": _STATES[state], "Name": state}
    record["StateReason"] = {"Code": reason[0], "Message": reason[1]}
    record["StateTransitionReason"] = (
        f"{reason[1].partition(': ')[2]} ({time.strftime('%Y-%m-%d %H:%M:%S GMT', time.gmtime())})"
    )
    if state == "terminated":
        _release(record)
    for listener in on_end:
        listener(record)


def _release(record: Record) -> None:
    record["_terminated_at"] = time.time()
    interfaces.remove(each["NetworkInterfaceId"] for each in record.pop("NetworkInterfaces", None) or ())
    for mapping in record["BlockDeviceMappings"]:
        volume = ec2._volumes.get(mapping["Ebs"]["VolumeId"])
        if volume is not None and mapping["Ebs"]["DeleteOnTermination"]:
            ec2._volumes.pop(volume["VolumeId"], None)
        elif volume is not None:
            volume.update(State="available", Attachments=[])
    record["BlockDeviceMappings"] = []
    record.update(PublicIpAddress="", PublicDnsName="")


def shut_down(record: Record) -> None:
    """What `shutdown` inside the instance leads to: what it was launched with."""
    end(record, "terminated" if record.get("_shutdown") == "terminate" else "stopped", SHUTDOWN)


def describe_attribute(asked: Arguments) -> Mapping[str, Any]:
    """DescribeInstanceAttribute."""
    record, name = instance(asked["InstanceId"]), asked["Attribute"]
    member = name[0].upper() + name[1:]
    if member == "GroupSet":
        return {"InstanceId": record["InstanceId"], "Groups": record["SecurityGroups"]}
    values = {
        **(record.get("_protected") or {}),
        "InstanceInitiatedShutdownBehavior": record.get("_shutdown", "stop"),
        "UserData": record["UserData"] or None,
        "InstanceType": record["InstanceType"],
        "SourceDestCheck": record.get("SourceDestCheck", True),
        "EbsOptimized": record.get("EbsOptimized", False),
        "RootDeviceName": record["RootDeviceName"],
        "EnaSupport": True,
    }
    value = values.get(member)
    return {"InstanceId": record["InstanceId"], member: {} if value is None else {"Value": value}}


def modify_attribute(asked: Arguments) -> Mapping[str, Any]:
    """ModifyInstanceAttribute."""
    record = instance(asked["InstanceId"])
    given = dict(_given(asked))
    if ("InstanceType" in given or "UserData" in given) and record["State"]["Name"] != "stopped":
        message = f"The instance '{record['InstanceId']}' is not in the 'stopped' state."
        raise ApiError("IncorrectInstanceState", message)
    protected = record.setdefault("_protected", {})
    for name, value in given.items():
        if name in ("DisableApiTermination", "DisableApiStop"):
            protected[name] = value
        elif name == "InstanceInitiatedShutdownBehavior":
            record["_shutdown"] = value
        else:
            record[name] = value
    if asked.get("Groups"):
        record["SecurityGroups"] = interfaces.security_groups(asked["Groups"], record["VpcId"])
        record["NetworkInterfaces"][0]["Groups"] = record["SecurityGroups"]
    return {}


def _given(asked: Arguments) -> Iterator[tuple[str, Any]]:
    for name in ("SourceDestCheck", "DisableApiTermination", "DisableApiStop", "InstanceInitiatedShutdownBehavior",
                 "InstanceType", "EbsOptimized", "UserData"):  # fmt: skip
        if (asked.get(name) or {}).get("Value") is not None:
            yield name, asked[name]["Value"]


def modify_metadata(asked: Arguments) -> Mapping[str, Any]:
    """ModifyInstanceMetadataOptions."""
    record = instance(asked["InstanceId"])
    changes = {key: value for key, value in asked.items() if key in record["MetadataOptions"]}
    record["MetadataOptions"] |= changes
    return {"InstanceId": record["InstanceId"], "InstanceMetadataOptions": record["MetadataOptions"]}


def monitor(asked: Arguments) -> Mapping[str, Any]:
    """MonitorInstances."""
    return _monitoring(asked, "enabled")


def unmonitor(asked: Arguments) -> Mapping[str, Any]:
    """UnmonitorInstances."""
    return _monitoring(asked, "disabled")


def _monitoring(asked: Arguments, state: str) -> Mapping[str, Any]:
    records = [instance(each) for each in asked["InstanceIds"]]
    for record in records:
        record["Monitoring"] = {"State": state}
    return {
        "InstanceMonitorings": [
            {"InstanceId": each["InstanceId"], "Monitoring": each["Monitoring"]} for each in records
        ]
    }


def spot_requests(asked: Arguments) -> Mapping[str, Any]:
    """DescribeSpotInstanceRequests: one for each spot instance."""
    rows = [
        {
            "SpotInstanceRequestId": record["SpotInstanceRequestId"],
            "InstanceId": record["InstanceId"],
            "State": "active" if record["State"]["Name"] == "running" else "closed",
            "Type": (record["_market"].get("SpotOptions") or {}).get("SpotInstanceType") or "one-time",
            "SpotPrice": (record["_market"].get("SpotOptions") or {}).get("MaxPrice"),
            "CreateTime": record["LaunchTime"],
            "Tags": [{"Key": key, "Value": value} for key, value in tag_map(record["InstanceId"]).items()],
        }
        for record in ec2._instances.values()
        if record.get("SpotInstanceRequestId")
    ]
    wanted = asked.get("SpotInstanceRequestIds")
    return {"SpotInstanceRequests": [row for row in rows if not wanted or row["SpotInstanceRequestId"] in wanted]}
