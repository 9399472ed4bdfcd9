"""What is launched, and what EC2 refuses to launch."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from botocore.exceptions import ClientError
from compute_kit import IMAGE, Place, encoded, make_place, tag_list
from sandbox_kit import Clients

BASE = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"


@pytest.fixture
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def run(place: Place, **options: Any) -> dict[str, Any]:
    defaults = {"ImageId": IMAGE, "InstanceType": "g6.xlarge", "SubnetId": place.subnets[0]}
    made = place.ec2.run_instances(MinCount=1, MaxCount=1, **{**defaults, **options})
    return dict(made["Instances"][0])


def test_a_template_keeps_all_it_is_given(place: Place) -> None:
    data = {
        "NetworkInterfaces": [
            {"DeviceIndex": min(card, 1), "NetworkCardIndex": card, "InterfaceType": "efa", "Groups": [place.group]}
            for card in range(4)
        ],
        "InstanceMarketOptions": {"MarketType": "capacity-block"},
        "CapacityReservationSpecification": {
            "CapacityReservationTarget": {"CapacityReservationId": "cr-0123456789abcdef0"}
        },
        "Placement": {"GroupName": "together"},
        "CpuOptions": {"CoreCount": 48, "ThreadsPerCore": 1},
        "UserData": encoded("#!/bin/sh\n"),
    }  # fmt: skip
    template = place.template(**data, SecurityGroupIds=[])
    told = place.ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Latest"])
    kept = told["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert {key: kept[key] for key in data} == data


def test_versions_and_the_default(place: Place) -> None:
    template = place.template(InstanceType="g5.xlarge")
    place.ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "g6.xlarge"}
    )
    named = {"LaunchTemplateId": template}
    assert run(place, InstanceType="t3.micro", LaunchTemplate=named)["InstanceType"] == "t3.micro"
    kinds = []
    for version in ("$Default", "$Latest"):
        made = place.ec2.run_instances(
            MinCount=1, MaxCount=1, SubnetId=place.subnets[0], LaunchTemplate={**named, "Version": version}
        )
        kinds.append(made["Instances"][0]["InstanceType"])
    assert kinds == ["g5.xlarge", "g6.xlarge"]
    place.ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
    assert place.ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0][
        "DefaultVersionNumber"
    ] == 2  # fmt: skip


def test_an_instance_has_what_it_was_launched_with(place: Place) -> None:
    image = place.clients("ssm").get_parameter(Name=BASE)["Parameter"]["Value"]
    made = run(
        place, ImageId=image, SecurityGroupIds=[place.group],
        InstanceMarketOptions={"MarketType": "spot"}, MetadataOptions={"HttpTokens": "required"},
        BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 200, "Encrypted": True}}],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": tag_list({"team": "a"})},
            {"ResourceType": "volume", "Tags": tag_list({"team": "v"})},
        ],
    )  # fmt: skip
    by_tag = [{"Name": "tag:team", "Values": ["a"]}, {"Name": "vpc-id", "Values": [place.vpc]}]
    [found] = place.ec2.describe_instances(Filters=by_tag)["Reservations"][0]["Instances"]
    assert found["InstanceId"] == made["InstanceId"]
    assert (found["InstanceLifecycle"], found["MetadataOptions"]["HttpTokens"]) == ("spot", "required")
    assert found["PrivateIpAddress"].startswith("10.64.0.")
    assert "PublicIpAddress" not in found or not found["PublicIpAddress"]
    [disk] = found["BlockDeviceMappings"]
    [volume] = place.ec2.describe_volumes(VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"]
    assert (volume["Size"], volume["Encrypted"], volume["Tags"]) == (200, True, tag_list({"team": "v"}))
    place.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    with pytest.raises(ClientError):
        place.ec2.describe_volumes(VolumeIds=[disk["Ebs"]["VolumeId"]])["Volumes"][0]
    place.ec2.delete_security_group(GroupId=place.group)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"InstanceType": "g99.xlarge"}, "InvalidParameterValue"),
        ({"ImageId": "ubuntu"}, "InvalidAMIID.Malformed"),
        ({"SubnetId": "subnet-00000000"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-00000000"]}, "InvalidGroup.NotFound"),
        ({"IamInstanceProfile": {"Name": "absent"}}, "InvalidParameterValue"),
        ({"Placement": {"GroupName": "absent"}}, "InvalidPlacementGroup.Unknown"),
        ({"LaunchTemplate": {"LaunchTemplateName": "absent"}}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"UserData": "x" * 16_385}, "InvalidParameterValue"),
    ],
)
def test_what_ec2_refuses(place: Place, options: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        run(place, **options)
    assert caught.value.response["Error"]["Code"] == code
    assert place.ec2.describe_instances(Filters=[{"Name": "vpc-id", "Values": [place.vpc]}])["Reservations"] == []


@pytest.mark.parametrize(("kind", "cards", "fits"), [("p4d.24xlarge", 4, True), ("g6.xlarge", 1, False)])
def test_a_type_has_only_so_many_efa_interfaces(place: Place, kind: str, cards: int, fits: bool) -> None:
    interfaces = [
        {"DeviceIndex": min(card, 1), "NetworkCardIndex": card, "InterfaceType": "efa", "SubnetId": place.subnets[0]}
        for card in range(cards)
    ]
    launch = {"ImageId": IMAGE, "InstanceType": kind, "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": interfaces}
    if fits:
        assert len(place.ec2.run_instances(**launch)["Instances"][0]["NetworkInterfaces"]) == cards
    else:
        with pytest.raises(ClientError, match="EFA"):
            place.ec2.run_instances(**launch)


def test_types_are_those_of_the_catalogue(place: Place) -> None:
    [told] = place.ec2.describe_instance_types(InstanceTypes=["p5.48xlarge"])["InstanceTypes"]
    [gpu] = told["GpuInfo"]["Gpus"]
    assert (told["VCpuInfo"]["DefaultVCpus"], gpu["Count"], gpu["Manufacturer"]) == (192, 8, "NVIDIA")
    assert told["NetworkInfo"]["EfaInfo"]["MaximumEfaInterfaces"] == len(told["NetworkInfo"]["NetworkCards"]) == 32
    with_efa = [{"Name": "network-info.efa-supported", "Values": ["true"]}]
    names = {each["InstanceType"] for each in place.ec2.describe_instance_types(Filters=with_efa)["InstanceTypes"]}
    assert "p4d.24xlarge" in names
    assert "t3.micro" not in names


def test_large_types_arent_in_every_zone(place: Place) -> None:
    wanted = [{"Name": "instance-type", "Values": ["p5.48xlarge", "g6.xlarge"]}]
    rows = place.ec2.describe_instance_type_offerings(LocationType="availability-zone", Filters=wanted)
    zones: dict[str, set[str]] = {}
    for row in rows["InstanceTypeOfferings"]:
        zones.setdefault(row["InstanceType"], set()).add(row["Location"])
    assert zones["p5.48xlarge"] < zones["g6.xlarge"]
    missing = (zones["g6.xlarge"] - zones["p5.48xlarge"]).pop()
    subnet = place.ec2.create_subnet(VpcId=place.vpc, CidrBlock="10.64.48.0/24", AvailabilityZone=missing)["Subnet"]
    with pytest.raises(ClientError, match="not supported in your requested Availability Zone"):
        run(place, InstanceType="p5.48xlarge", SubnetId=subnet["SubnetId"])


def test_a_protected_instance_stays(place: Place) -> None:
    instance = run(place, DisableApiTermination=True)["InstanceId"]
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        place.ec2.terminate_instances(InstanceIds=[instance])
    place.ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    place.ec2.terminate_instances(InstanceIds=[instance])
    assert place.state(instance) == "terminated"


def test_capacity_comes_back(place: Place) -> None:
    name = f"fault-capacityx1-{secrets.token_hex(3)}"
    tags = [{"ResourceType": "instance", "Tags": tag_list({"Name": name})}]
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity"):
        run(place, TagSpecifications=tags)
    assert run(place, TagSpecifications=tags)["State"]["Name"] == "running"


def test_deep_learning_images_are_there(place: Place) -> None:
    image = place.clients("ssm").get_parameter(Name=BASE)["Parameter"]["Value"]
    [found] = place.ec2.describe_images(ImageIds=[image])["Images"]
    assert (found["RootDeviceName"], found["Architecture"]) == ("/dev/sda1", "x86_64")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        place.clients("ssm").get_parameter(Name=BASE.replace("ubuntu-24.04", "ubuntu-99.04"))
