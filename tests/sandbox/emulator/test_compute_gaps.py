"""Plain ministack still lacks what the additions for EC2, ELB, Auto Scaling and SSM are for."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from compute_kit import IMAGE, PORT, Place, make_place
from sandbox_kit import clients

CAUGHT_UP = "plain ministack now does this: compare, then delete the addition `{}`"
BASE = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"


@pytest.fixture
def plain(plain_emulator_url: str) -> Place:
    return make_place(plain_emulator_url, clients(plain_emulator_url))


def test_ec2_networks(plain: Place) -> None:
    made = plain.ec2.create_vpc_endpoint(
        VpcId=plain.vpc, ServiceName="com.amazonaws.us-east-1.logs", VpcEndpointType="Interface",
        SubnetIds=[plain.subnets[0]], SecurityGroupIds=[plain.group],
    )  # fmt: skip
    assert not made["VpcEndpoint"].get("Groups"), CAUGHT_UP.format("ec2-networks")
    plain.ec2.delete_subnet(SubnetId=plain.subnets[0])


def test_launch_templates(plain: Place) -> None:
    template = plain.template(
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkCardIndex": 0, "InterfaceType": "efa"}],
        InstanceMarketOptions={"MarketType": "spot"}, SecurityGroupIds=[],
    )  # fmt: skip
    told = plain.ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Latest"])
    data = told["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert "InstanceMarketOptions" not in data, CAUGHT_UP.format("launch-templates")
    assert "InterfaceType" not in data["NetworkInterfaces"][0], CAUGHT_UP.format("launch-templates")


def test_instance_types(plain: Place) -> None:
    told = plain.ec2.describe_instance_types(InstanceTypes=["p5.48xlarge"])["InstanceTypes"][0]
    assert "GpuInfo" not in told, CAUGHT_UP.format("instance-types")
    with pytest.raises(ClientError, match="InvalidAction"):
        plain.ec2.describe_instance_type_offerings()


def test_instances(plain: Place) -> None:
    template = plain.template(InstanceType="g6.xlarge")
    made = plain.ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateId": template})["Instances"]
    assert made[0]["InstanceType"] != "g6.xlarge", CAUGHT_UP.format("instances")
    assert not made[0].get("NetworkInterfaces"), CAUGHT_UP.format("instances")


def test_load_balancers(plain: Place) -> None:
    _, targets = plain.balancer()
    plain.elb.register_targets(TargetGroupArn=targets, Targets=[{"Id": "i-0123456789abcdef0", "Port": PORT}])
    assert plain.health(targets) == ["healthy"], CAUGHT_UP.format("load-balancers")


def test_auto_scaling(plain: Place) -> None:
    group = plain.scale(plain.template(ImageId=IMAGE))
    [member] = plain.members(group)
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        plain.ec2.describe_instances(InstanceIds=[member])


def test_deep_learning_images(plain: Place) -> None:
    with pytest.raises(ClientError, match="ParameterNotFound"):
        plain.clients("ssm").get_parameter(Name=BASE)
