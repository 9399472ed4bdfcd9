"""Functions of EC2, SSM and regions on the real engine."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from provider_kit import QUIET, Bench

pytestmark = QUIET
BASE = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"


def outputs(bench: Bench, program: Any) -> dict[str, Any]:
    return bench.stack().up(program).outputs


def test_the_image_of_a_parameter(bench: Bench) -> None:
    def program() -> None:
        import pulumi_aws as aws

        found = aws.ssm.get_parameter_output(name=BASE)
        image = aws.ec2.get_ami_output(filters=[{"name": "image-id", "values": [found.insecure_value]}])
        # One secret in an answer makes all of it one, in Pulumi's Python SDK.
        pulumi.export("image", pulumi.Output.unsecret(found.insecure_value))
        pulumi.export("device", pulumi.Output.unsecret(image.root_device_name))
        pulumi.export("value", found.value)

    told = outputs(bench, program)
    assert told["image"].startswith("ami-")
    assert (told["device"], told["value"]) == ("/dev/sda1", "[secret]")


def test_where_a_type_is_offered(bench: Bench) -> None:
    def program() -> None:
        import pulumi_aws as aws

        filters = [{"name": "instance-type", "values": ["p5.48xlarge"]}]
        offered = aws.ec2.get_instance_type_offerings_output(location_type="availability-zone", filters=filters)
        zones = aws.get_availability_zones_output(state="available", exclude_names=["us-east-1c"])
        kind = aws.ec2.get_instance_type_output(instance_type="p5.48xlarge")
        pulumi.export("offered", offered.locations)
        pulumi.export("zones", zones.names)
        pulumi.export("vcpus", kind.default_vcpus)
        pulumi.export("gpus", kind.gpuses.apply(lambda gpus: gpus[0].count))
        pulumi.export("cards", kind.network_cards.apply(len))

    told = outputs(bench, program)
    assert sorted(told["offered"]) == told["zones"] == ["us-east-1a", "us-east-1b"]
    assert (told["vcpus"], told["gpus"], told["cards"]) == (192, 8, 32)


def test_what_isnt_there_is_an_error(bench: Bench) -> None:
    def program() -> None:
        import pulumi_aws as aws

        pulumi.export("value", aws.ssm.get_parameter_output(name="/absent").value)

    with pytest.raises(Exception, match="ParameterNotFound"):
        outputs(bench, program)


@pytest.mark.parametrize(("owners", "reason"), [(None, "anybody's image"), (["amazon"], "")])
def test_the_newest_image_of_anybody_is_refused(bench: Bench, owners: list[str] | None, reason: str) -> None:
    def program() -> None:
        import pulumi_aws as aws

        found = aws.ec2.get_ami_output(most_recent=True, name_regex="base-oss-nvidia", owners=owners)
        pulumi.export("name", found.name)

    if reason:
        with pytest.raises(Exception, match=reason):
            outputs(bench, program)
    else:
        assert "base-oss-nvidia" in outputs(bench, program)["name"]
