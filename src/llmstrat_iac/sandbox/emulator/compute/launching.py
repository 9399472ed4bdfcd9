"""From a launch request to a running instance's record: the template merged in, everything checked as EC2 checks it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_region
from ministack.services import ec2, iam

from llmstrat_iac.sandbox.emulator.compute import faults, images, interfaces, launch_templates, reservations
from llmstrat_iac.sandbox.emulator.compute.instance_types import Size, offered, size_of
from llmstrat_iac.sandbox.emulator.compute.tags import set_tags, specified
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

Record = dict[str, Any]
_TEMPLATE_ID = "aws:ec2launchtemplate:id"
_TEMPLATE_VERSION = "aws:ec2launchtemplate:version"


def launch(asked: Arguments, extra_tags: Mapping[str, str] | None = None) -> Record:
    """Make one instance of a request's arguments; `extra_tags` win over the request's and the template's."""
    merged, tags = _merged(asked, extra_tags or {})
    _check(merged)
    size = size_of(merged.get("InstanceType") or "m5.large")
    networks = _networks(merged, size)
    place = interfaces.subnet(networks[0]["SubnetId"])
    if not offered(size.name, place["AvailabilityZone"]):
        zone = place["AvailabilityZone"]
        message = (
            f"Your requested instance type ({size.name}) is not supported in your requested Availability Zone ({zone})."
        )
        raise ApiError("Unsupported", message)
    reservations.check_launch(merged, size, place["AvailabilityZone"])
    if faults.lacks_capacity(tags.values()):
        message = f"We currently do not have sufficient {size.name} capacity in the Availability Zone you requested."
        raise ApiError("InsufficientInstanceCapacity", message, 500)
    record = _record(merged, size, place)
    record["NetworkInterfaces"] = _attach(record, networks)
    record |= _addresses(record, networks[0])
    record["BlockDeviceMappings"] = _volumes(record, merged, specified(merged.get("TagSpecifications"), "volume"))
    ec2._instances[record["InstanceId"]] = record
    set_tags(record["InstanceId"], [{"Key": key, "Value": value} for key, value in tags.items()])
    return record


def _merged(asked: Arguments, extra: Mapping[str, str]) -> tuple[Arguments, dict[str, str]]:
    """The request over its launch template, and the instance's tags."""
    data: Arguments = {}
    tags: dict[str, str] = {}
    specification = asked.get("LaunchTemplate")
    if specification:
        data, version = launch_templates.resolve(specification)
        tags[_TEMPLATE_ID] = launch_templates.template_of(specification)["LaunchTemplateId"]
        tags[_TEMPLATE_VERSION] = str(version)
    specifications = [*(data.get("TagSpecifications") or ()), *(asked.get("TagSpecifications") or ())]
    for tag in specified(specifications, "instance"):
        tags[tag["Key"]] = tag.get("Value", "")
    merged = {**data, **{key: value for key, value in asked.items() if value not in (None, [], {})}}
    return {**merged, "TagSpecifications": specifications}, {**tags, **extra}


def _check(merged: Arguments) -> None:
    image = merged.get("ImageId")
    if not image:
        raise ApiError("MissingParameter", "The request must contain the parameter ImageId")
    if not images.well_formed(image):
        raise ApiError("InvalidAMIID.Malformed", f'Invalid id: "{image}" (expecting "ami-...")')
    launch_templates.check_user_data(merged.get("UserData"))
    if merged.get("NetworkInterfaces") and (merged.get("SubnetId") or merged.get("SecurityGroupIds")):
        message = "Network interfaces and an instance-level subnet ID may not be specified on the same request"
        raise ApiError("InvalidParameterCombination", message)
    group = (merged.get("Placement") or {}).get("GroupName")
    if group and group not in ec2._placement_groups:
        raise ApiError("InvalidPlacementGroup.Unknown", f"The Placement Group '{group}' is unknown.")


def _networks(merged: Arguments, size: Size) -> list[Record]:
    """The interfaces asked for, the primary one first; EFA as many as the type has."""
    asked = [dict(each) for each in merged.get("NetworkInterfaces") or ()]
    if not asked:
        subnet_id = merged.get("SubnetId") or _default_subnet(merged)
        return [{"DeviceIndex": 0, "SubnetId": subnet_id, "Groups": merged.get("SecurityGroupIds") or []}]
    if len(asked) > size.interfaces:
        message = f"Interface count {len(asked)} exceeds the limit for {size.name}"
        raise ApiError("AttachmentLimitExceeded", message)
    if sum(str(each.get("InterfaceType") or "").startswith("efa") for each in asked) > size.efa_interfaces:
        message = f"EFA interfaces exceed the {size.efa_interfaces} that instance type {size.name} supports."
        raise ApiError("InvalidParameterCombination", message)
    primary = next(
        (each for each in asked if not each.get("DeviceIndex") and not each.get("NetworkCardIndex")), asked[0]
    )
    subnet_id = primary.get("SubnetId") or _default_subnet(merged)
    for each in asked:
        each.setdefault("SubnetId", subnet_id)
    return [primary, *(each for each in asked if each is not primary)]


def _default_subnet(merged: Arguments) -> str:
    wanted = (merged.get("Placement") or {}).get("AvailabilityZone")
    for each in ec2._subnets.values():
        if each.get("DefaultForAz") and wanted in (None, "", each["AvailabilityZone"]):
            return str(each["SubnetId"])
    raise ApiError("VPCIdNotSpecified", "No default VPC for this user")


def _record(merged: Arguments, size: Size, place: Record) -> Record:
    market = merged.get("InstanceMarketOptions") or {}
    spot = market.get("MarketType") == "spot"
    placement = {key: value for key, value in (merged.get("Placement") or {}).items() if value is not None}
    return {
        "InstanceId": f"i-{secrets.token_hex(9)[:17]}",
        "ImageId": merged["ImageId"],
        "InstanceType": size.name,
        "KeyName": merged.get("KeyName") or "",
        "State": {"Code": 16, "Name": "running"},
        "StateTransitionReason": "",
        "SubnetId": place["SubnetId"],
        "VpcId": place["VpcId"],
        "Architecture": size.architecture,
        "RootDeviceType": "ebs",
        "RootDeviceName": images.root_device(merged["ImageId"]),
        "Hypervisor": "xen",
        "Virtualization": "hvm",
        "VirtualizationType": "hvm",
        "PlatformDetails": "Linux/UNIX",
        "BootMode": "uefi",
        "EnaSupport": True,
        "EbsOptimized": bool(merged.get("EbsOptimized")),
        "Placement": {"Tenancy": "default", **placement, "AvailabilityZone": place["AvailabilityZone"]},
        "Monitoring": {"State": "enabled" if (merged.get("Monitoring") or {}).get("Enabled") else "disabled"},
        "AmiLaunchIndex": 0,
        "UserData": merged.get("UserData") or "",
        "LaunchTime": ec2._now_ts(),
        "IamInstanceProfile": _profile(merged.get("IamInstanceProfile") or {}),
        "MetadataOptions": _metadata(merged.get("MetadataOptions") or {}),
        "CapacityReservationSpecification": {
            "CapacityReservationPreference": "open", **(merged.get("CapacityReservationSpecification") or {})
        },
        "CpuOptions": merged.get("CpuOptions"),
        "HibernationOptions": {"Configured": False},
        "EnclaveOptions": merged.get("EnclaveOptions") or {"Enabled": False},
        "MaintenanceOptions": {"AutoRecovery": "default", **(merged.get("MaintenanceOptions") or {})},
        "PrivateDnsNameOptions": {
            "HostnameType": "ip-name", "EnableResourceNameDnsARecord": False, "EnableResourceNameDnsAAAARecord": False,
            **(merged.get("PrivateDnsNameOptions") or {}),
        },
        "InstanceLifecycle": market["MarketType"] if market.get("MarketType") in ("spot", "capacity-block") else None,
        "SpotInstanceRequestId": f"sir-{secrets.token_hex(4)}" if spot else None,
        "_market": market if spot else {},
        "_shutdown": merged.get("InstanceInitiatedShutdownBehavior") or "stop",
        "_protected": {
            "DisableApiTermination": bool(merged.get("DisableApiTermination")),
            "DisableApiStop": bool(merged.get("DisableApiStop")),
        },
    }  # fmt: skip


def _metadata(asked: Mapping[str, Any]) -> Record:
    options = {"HttpTokens": "optional", "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1}
    options |= {"HttpProtocolIpv6": "disabled", "InstanceMetadataTags": "disabled"}
    return {**options, **asked, "State": "applied"}


def _profile(asked: Mapping[str, str]) -> Record | None:
    """An instance profile that is there; one without a role gives no credentials, but EC2 takes it."""
    name, arn = asked.get("Name"), asked.get("Arn")
    if not name and not arn:
        return None
    found = iam._lookup_instance_profile(name=name or "", arn=arn or "")
    if not found:
        member = "name" if name else "arn"
        message = f"Value ({name or arn}) for parameter iamInstanceProfile.{member} is invalid."
        raise ApiError("InvalidParameterValue", message)
    return {"Arn": found["Arn"], "Id": found["InstanceProfileId"]}


def _attach(record: Record, networks: list[Record]) -> list[Record]:
    made = []
    for network in networks:
        attachment = {
            "AttachmentId": f"eni-attach-{secrets.token_hex(9)[:17]}",
            "InstanceId": record["InstanceId"],
            "DeviceIndex": int(network.get("DeviceIndex") or 0),
            "NetworkCardIndex": int(network.get("NetworkCardIndex") or 0),
            "Status": "attached",
            "AttachTime": record["LaunchTime"],
            "DeleteOnTermination": network.get("DeleteOnTermination") is not False,
        }
        made.append(
            interfaces.add(
                network["SubnetId"],
                network.get("Groups") or [],
                description=network.get("Description") or "",
                kind=network.get("InterfaceType") or "interface",
                address=network.get("PrivateIpAddress"),
                attachment=attachment,
            )
        )
    return made


def _addresses(record: Record, network: Record) -> Record:
    """Private and public names and addresses, from the primary interface."""
    primary = record["NetworkInterfaces"][0]
    address = primary["PrivateIpAddress"]
    public = network.get("AssociatePublicIpAddress")
    if public is None:
        public = interfaces.subnet(primary["SubnetId"])["MapPublicIpOnLaunch"]
    outside = ec2._random_ip("54.") if public else ""
    region = get_region()
    suffix = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return {
        "PrivateIpAddress": address,
        "PrivateDnsName": f"ip-{address.replace('.', '-')}.{suffix}",
        "PublicIpAddress": outside,
        "PublicDnsName": f"ec2-{outside.replace('.', '-')}.compute-1.amazonaws.com" if outside else "",
        "SecurityGroups": primary["Groups"],
        "SourceDestCheck": True,
    }


def _volumes(record: Record, merged: Arguments, tags: list[dict[str, str]]) -> list[Record]:
    """Volumes for the image's root device and for what was asked for beside it."""
    root = record["RootDeviceName"]
    asked = {
        each["DeviceName"]: each.get("Ebs") or {}
        for each in merged.get("BlockDeviceMappings") or ()
        if each.get("DeviceName")
    }
    wanted = {root: {"VolumeSize": images.root_gib(record["ImageId"]), **asked.pop(root, {})}, **asked}
    return [_volume(record, device, ebs, tags) for device, ebs in wanted.items()]


def _volume(record: Record, device: str, ebs: Mapping[str, Any], tags: list[dict[str, str]]) -> Record:
    volume_id = f"vol-{secrets.token_hex(9)[:17]}"
    kept = ebs.get("DeleteOnTermination") is False
    ec2._volumes[volume_id] = {
        "VolumeId": volume_id,
        "Size": int(ebs.get("VolumeSize") or 8),
        "AvailabilityZone": record["Placement"]["AvailabilityZone"],
        "State": "in-use",
        "VolumeType": ebs.get("VolumeType") or "gp3",
        "SnapshotId": ebs.get("SnapshotId") or "",
        "Iops": int(ebs.get("Iops") or 3000),
        "Throughput": int(ebs.get("Throughput") or 125),
        "Encrypted": bool(ebs.get("Encrypted")),
        "KmsKeyId": ebs.get("KmsKeyId") or "",
        "CreateTime": record["LaunchTime"],
        "MultiAttachEnabled": False,
        "Attachments": [
            {
                "VolumeId": volume_id, "InstanceId": record["InstanceId"], "Device": device, "State": "attached",
                "AttachTime": record["LaunchTime"], "DeleteOnTermination": not kept,
            }
        ],
    }  # fmt: skip
    set_tags(volume_id, tags)
    shown = {
        "VolumeId": volume_id,
        "Status": "attached",
        "AttachTime": record["LaunchTime"],
        "DeleteOnTermination": not kept,
    }
    return {"DeviceName": device, "Ebs": shown}
