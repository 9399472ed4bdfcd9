"""Instances: what is launched, read back from five describe calls, and changed where EC2 can change it."""

from __future__ import annotations

import base64
from typing import Any

from llmstrat_iac.sandbox.provider.faults import is_not_found
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.ec2_shapes import decoded, encoded, from_api, to_api
from llmstrat_iac.sandbox.provider.services.ec2_tagging import arn_of, retag, specifications
from llmstrat_iac.sandbox.provider.services.shapes import changed, request, tag_list, tag_map
from llmstrat_iac.sandbox.provider.services.waiting import wait
from llmstrat_iac.sandbox.provider.values import Props

PLAIN = {
    "ImageId": "ami", "InstanceType": "instanceType", "KeyName": "keyName", "EbsOptimized": "ebsOptimized",
    "DisableApiTermination": "disableApiTermination", "DisableApiStop": "disableApiStop",
    "InstanceInitiatedShutdownBehavior": "instanceInitiatedShutdownBehavior",
}  # fmt: skip
BLOCKS = (
    "metadataOptions", "instanceMarketOptions", "capacityReservationSpecification", "cpuOptions", "enclaveOptions",
    "maintenanceOptions", "privateDnsNameOptions", "creditSpecification",
)  # fmt: skip
PLACEMENT = {
    "AvailabilityZone": "availabilityZone", "Tenancy": "tenancy", "GroupName": "placementGroup",
    "GroupId": "placementGroupId", "PartitionNumber": "placementPartitionNumber", "HostId": "hostId",
}  # fmt: skip
VOLUME = {
    "VolumeSize": "volumeSize", "VolumeType": "volumeType", "Iops": "iops", "Throughput": "throughput",
    "Encrypted": "encrypted", "KmsKeyId": "kmsKeyId", "SnapshotId": "snapshotId",
    "DeleteOnTermination": "deleteOnTermination",
}  # fmt: skip
# What can be changed while it runs, by ModifyInstanceAttribute; and what only while it is stopped.
RUNNING = ("disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior", "sourceDestCheck")
STOPPED = ("instanceType", "userData", "userDataBase64", "ebsOptimized")


@resource("aws:ec2/instance:Instance")
class Instance(Resource):
    def create(self, call: Call, args: Props) -> str:
        ec2 = call.client("ec2")
        options = request(args, PLAIN)
        if args.get("userData") or args.get("userDataBase64"):
            options["UserData"] = _user_data(args)
        options |= to_api({name: args[name] for name in BLOCKS if args.get(name)})
        if request(args, PLACEMENT):
            options["Placement"] = request(args, PLACEMENT)
        if args.get("iamInstanceProfile"):
            options["IamInstanceProfile"] = {"Name": args["iamInstanceProfile"]}
        if args.get("monitoring"):
            options["Monitoring"] = {"Enabled": True}
        if args.get("launchTemplate"):
            names = {"LaunchTemplateId": "id", "LaunchTemplateName": "name", "Version": "version"}
            options["LaunchTemplate"] = request(args["launchTemplate"], names)
        options |= _networks(args)
        disks = _disks(ec2, args)
        tags = specifications(args, "instance")
        if args.get("volumeTags"):
            tags = [*tags, {"ResourceType": "volume", "Tags": tag_list(args["volumeTags"])}]
        made = ec2.run_instances(
            MinCount=1,
            MaxCount=1,
            TagSpecifications=tags,
            **options,
            **({"BlockDeviceMappings": disks} if disks else {}),
        )
        rid = str(made["Instances"][0]["InstanceId"])
        call.created_id = rid
        wait(lambda: _state(ec2, rid), "pending", "running")
        if args.get("sourceDestCheck") is False:
            ec2.modify_instance_attribute(InstanceId=rid, SourceDestCheck={"Value": False})
        return rid

    def replaced_by(self, state: Props, news: Props) -> frozenset[str]:
        """User data replaces only if the program says so."""
        return frozenset({"userData", "userDataBase64"}) if news.get("userDataReplaceOnChange") else frozenset()

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        ec2 = call.client("ec2")
        reservations = ec2.describe_instances(InstanceIds=[rid])["Reservations"]
        if not reservations or reservations[0]["Instances"][0]["State"]["Name"] == "terminated":
            return None
        found = reservations[0]["Instances"][0]
        return {
            **_facts(found),
            **_attributes(ec2, rid, state),
            **_volumes(ec2, found),
            "arn": arn_of(call, "instance", rid),
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        ec2 = call.client("ec2")
        for name in RUNNING:
            if name in new and changed(old, new, name):
                value = new[name] if isinstance(new[name], str) else bool(new[name])
                ec2.modify_instance_attribute(InstanceId=rid, **{name[0].upper() + name[1:]: {"Value": value}})
        if "vpcSecurityGroupIds" in new and set(old.get("vpcSecurityGroupIds") or ()) != set(
            new["vpcSecurityGroupIds"]
        ):
            ec2.modify_instance_attribute(InstanceId=rid, Groups=new["vpcSecurityGroupIds"])
        if "monitoring" in new and changed(old, new, "monitoring"):
            (ec2.monitor_instances if new["monitoring"] else ec2.unmonitor_instances)(InstanceIds=[rid])
        if "metadataOptions" in new and changed(old, new, "metadataOptions"):
            ec2.modify_instance_metadata_options(InstanceId=rid, **to_api(new["metadataOptions"]))
        if any(name in new and changed(old, new, name) for name in STOPPED):
            self._while_stopped(ec2, rid, old, new)
        retag(call, rid, old, new)

    def _while_stopped(self, ec2: Any, rid: str, old: Props, new: Props) -> None:
        ec2.stop_instances(InstanceIds=[rid])
        wait(lambda: _state(ec2, rid), "stopping", "stopped")
        if changed(old, new, "instanceType"):
            ec2.modify_instance_attribute(InstanceId=rid, InstanceType={"Value": new["instanceType"]})
        if "ebsOptimized" in new and changed(old, new, "ebsOptimized"):
            ec2.modify_instance_attribute(InstanceId=rid, EbsOptimized={"Value": bool(new["ebsOptimized"])})
        if changed(old, new, "userData", "userDataBase64"):
            ec2.modify_instance_attribute(InstanceId=rid, UserData={"Value": _user_data(new)})
        ec2.start_instances(InstanceIds=[rid])
        wait(lambda: _state(ec2, rid), "pending", "running")

    def delete(self, call: Call, rid: str, state: Props) -> None:
        ec2 = call.client("ec2")
        if state.get("forceDestroy"):
            ec2.modify_instance_attribute(InstanceId=rid, DisableApiTermination={"Value": False})
        ec2.terminate_instances(InstanceIds=[rid])
        wait(lambda: _state(ec2, rid), "shutting-down", "terminated")


def _state(ec2: Any, rid: str) -> str:
    try:
        return str(ec2.describe_instances(InstanceIds=[rid])["Reservations"][0]["Instances"][0]["State"]["Name"])
    except Exception as error:
        if is_not_found(error):
            return "terminated"
        raise


def _user_data(args: Props) -> bytes:
    """User data as it is: botocore encodes it for both calls that take it."""
    return base64.b64decode(args.get("userDataBase64") or encoded(args.get("userData") or ""))


def _networks(args: Props) -> Props:
    """Subnet and groups alone, or as the primary interface's if something else of it is said."""
    if args.get("networkInterfaces"):
        return {"NetworkInterfaces": to_api(args["networkInterfaces"])}
    if args.get("associatePublicIpAddress") is None and not args.get("secondaryPrivateIps"):
        names = {
            "SubnetId": "subnetId", "SecurityGroupIds": "vpcSecurityGroupIds", "SecurityGroups": "securityGroups",
            "PrivateIpAddress": "privateIp",
        }  # fmt: skip
        return request(args, names)
    names = {"SubnetId": "subnetId", "Groups": "vpcSecurityGroupIds", "PrivateIpAddress": "privateIp"}
    interface = {"DeviceIndex": 0, **request(args, names)}
    if args.get("associatePublicIpAddress") is not None:
        interface["AssociatePublicIpAddress"] = bool(args["associatePublicIpAddress"])
    return {"NetworkInterfaces": [interface]}


def _disks(ec2: Any, args: Props) -> list[Props]:
    disks = [
        {"DeviceName": each["deviceName"], "Ebs": request(each, VOLUME)} for each in args.get("ebsBlockDevices") or ()
    ]
    root = args.get("rootBlockDevice")
    if root:
        images = ec2.describe_images(ImageIds=[args["ami"]])["Images"]
        device = root.get("deviceName") or (images[0].get("RootDeviceName") if images else None) or "/dev/xvda"
        disks.insert(0, {"DeviceName": device, "Ebs": request(root, VOLUME)})
    return disks


def _facts(found: Props) -> Props:
    profile = (found.get("IamInstanceProfile") or {}).get("Arn", "")
    placement = found["Placement"]
    interfaces = found.get("NetworkInterfaces") or []
    options = from_api(found.get("MetadataOptions") or {}, texts=False)
    options.pop("state", None)
    return {
        "ami": found["ImageId"],
        "instanceType": found["InstanceType"],
        "keyName": found.get("KeyName") or "",
        "subnetId": found["SubnetId"],
        "availabilityZone": placement["AvailabilityZone"],
        "tenancy": placement["Tenancy"],
        "placementGroup": placement.get("GroupName") or "",
        "privateIp": found["PrivateIpAddress"],
        "privateDns": found["PrivateDnsName"],
        "publicIp": found.get("PublicIpAddress") or "",
        "publicDns": found.get("PublicDnsName") or "",
        "associatePublicIpAddress": bool(found.get("PublicIpAddress")),
        "primaryNetworkInterfaceId": interfaces[0]["NetworkInterfaceId"] if interfaces else "",
        "vpcSecurityGroupIds": sorted(each["GroupId"] for each in found["SecurityGroups"]),
        "sourceDestCheck": found["SourceDestCheck"],
        "iamInstanceProfile": profile.rpartition("/")[2],
        "instanceState": found["State"]["Name"],
        "instanceLifecycle": found.get("InstanceLifecycle") or "",
        "spotInstanceRequestId": found.get("SpotInstanceRequestId") or "",
        "monitoring": found["Monitoring"]["State"] == "enabled",
        "ebsOptimized": found.get("EbsOptimized", False),
        "metadataOptions": options,
        "capacityReservationSpecification": from_api(found.get("CapacityReservationSpecification") or {}, texts=False),
        "maintenanceOptions": from_api(found.get("MaintenanceOptions") or {}, texts=False),
        "privateDnsNameOptions": from_api(found.get("PrivateDnsNameOptions") or {}, texts=False),
        "enclaveOptions": from_api(found.get("EnclaveOptions") or {}, texts=False),
        "outpostArn": "",
        "passwordData": "",
    }


def _attributes(ec2: Any, rid: str, state: Props) -> Props:
    result: Props = {}
    for name in ("disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior"):
        answer = ec2.describe_instance_attribute(InstanceId=rid, Attribute=name)
        result[name] = answer[name[0].upper() + name[1:]]["Value"]
    data = ec2.describe_instance_attribute(InstanceId=rid, Attribute="userData")["UserData"].get("Value")
    if state.get("userDataBase64"):
        return {**result, "userDataBase64": data}
    return {**result, "userData": decoded(data)}


def _volumes(ec2: Any, found: Props) -> Props:
    held = {each["Ebs"]["VolumeId"]: each for each in found["BlockDeviceMappings"]}
    volumes = ec2.describe_volumes(VolumeIds=list(held))["Volumes"] if held else []
    result: Props = {"ebsBlockDevices": []}
    for volume in volumes:
        mapping = held[volume["VolumeId"]]
        block = {
            "deviceName": mapping["DeviceName"],
            "volumeId": volume["VolumeId"],
            "volumeSize": volume["Size"],
            "volumeType": volume["VolumeType"],
            "iops": volume.get("Iops"),
            "throughput": volume.get("Throughput"),
            "encrypted": volume["Encrypted"],
            "kmsKeyId": volume.get("KmsKeyId") or "",
            "deleteOnTermination": mapping["Ebs"]["DeleteOnTermination"],
        }
        if mapping["DeviceName"] == found["RootDeviceName"]:
            result["rootBlockDevice"] = block
        else:
            result["ebsBlockDevices"].append(block)
    return result
