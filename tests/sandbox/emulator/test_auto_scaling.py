"""Groups keep what they are given and their number of instances."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from botocore.exceptions import ClientError
from compute_kit import Place, make_place
from sandbox_kit import Clients, eventually


@pytest.fixture
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def described(place: Place, group: str) -> dict[str, Any]:
    return dict(place.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"][0])


def test_instances_are_spread_and_tagged(place: Place) -> None:
    tags = [
        {"Key": "team", "Value": "a", "PropagateAtLaunch": True},
        {"Key": "quiet", "Value": "1", "PropagateAtLaunch": False},
    ]
    group = place.scale(place.template(), desired=2, Tags=tags)
    found = described(place, group)
    assert {each["AvailabilityZone"] for each in found["Instances"]} == {"us-east-1a", "us-east-1b"}
    for instance in place.members(group):
        told = place.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        carried = {tag["Key"]: tag["Value"] for tag in told["Tags"]}
        assert carried["team"] == "a"
        assert carried["aws:autoscaling:groupName"] == group
        assert "quiet" not in carried


def test_members_read_back(place: Place) -> None:
    template = place.template()
    policy = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200}
    group = place.scale(
        template, HealthCheckType="ELB", HealthCheckGracePeriod=900, DefaultInstanceWarmup=60, CapacityRebalance=True,
        InstanceMaintenancePolicy=policy,
    )  # fmt: skip
    found = described(place, group)
    assert (found["HealthCheckType"], found["HealthCheckGracePeriod"], found["DefaultInstanceWarmup"]) == (
        "ELB",
        900,
        60,
    )
    assert (found["CapacityRebalance"], found["InstanceMaintenancePolicy"]) == (True, policy)
    assert found["LaunchTemplate"]["LaunchTemplateId"] == template
    assert found["LaunchTemplate"]["Version"] == "$Latest"


@pytest.mark.parametrize(("desired", "reason"), [(-1, "below min value 0"), (5, "above max value 4")])
def test_the_number_stays_within_its_bounds(place: Place, desired: int, reason: str) -> None:
    group = place.scale(place.template(), most=4)
    with pytest.raises(ClientError, match=reason):
        place.scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=desired)
    assert len(place.members(group)) == 1


def test_a_smaller_maximum_scales_in(place: Place) -> None:
    group = place.scale(place.template(), desired=3)
    oldest = place.members(group)[0]
    place.scaling.update_auto_scaling_group(AutoScalingGroupName=group, MaxSize=2)
    assert described(place, group)["DesiredCapacity"] == 2
    assert len(place.members(group)) == 2
    assert place.state(oldest) == "terminated"


def test_an_instance_leaves_with_its_place_or_without(place: Place) -> None:
    group = place.scale(place.template(), desired=2)
    first, second = place.members(group)
    terminate = place.scaling.terminate_instance_in_auto_scaling_group
    activity = terminate(InstanceId=first, ShouldDecrementDesiredCapacity=True)["Activity"]
    assert first in activity["Description"]
    assert place.members(group) == [second]
    terminate(InstanceId=second, ShouldDecrementDesiredCapacity=False)
    [third] = place.members(group)
    assert third != second
    place.scaling.set_instance_health(InstanceId=third, HealthStatus="Unhealthy")
    assert place.members(group) != [third]


def test_a_group_with_instances_goes_only_by_force(place: Place) -> None:
    group = place.scale(place.template())
    [instance] = place.members(group)
    with pytest.raises(ClientError, match="ResourceInUse"):
        place.scaling.delete_auto_scaling_group(AutoScalingGroupName=group)
    place.scaling.delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    assert place.state(instance) == "terminated"


def test_a_refresh_brings_the_new_version_and_waits_for_it(place: Place) -> None:
    _, targets = place.balancer()
    template = place.fleet_template()
    group = place.scale(template, desired=2, TargetGroupARNs=[targets])
    before = set(place.members(group))
    place.ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "g5.xlarge"}
    )
    refresh = place.scaling.start_instance_refresh(AutoScalingGroupName=group)["InstanceRefreshId"]
    with pytest.raises(ClientError, match="InstanceRefreshInProgress"):
        place.scaling.start_instance_refresh(AutoScalingGroupName=group)

    def status() -> str:
        told = place.scaling.describe_instance_refreshes(AutoScalingGroupName=group)["InstanceRefreshes"][0]
        assert told["InstanceRefreshId"] == refresh
        return str(told["Status"])

    assert eventually(lambda: status() == "Successful")
    assert not before & set(place.members(group))
    assert {each["InstanceType"] for each in described(place, group)["Instances"]} == {"g5.xlarge"}
    assert place.health(targets) == ["healthy", "healthy"]


def test_a_launch_that_fails_is_tried_again(place: Place) -> None:
    name = f"fault-capacityx3-{secrets.token_hex(3)}"
    tags = [{"Key": "Name", "Value": name, "PropagateAtLaunch": True}]
    group = place.scale(place.template(), Tags=tags)
    assert eventually(lambda: place.members(group))
    told = place.scaling.describe_scaling_activities(AutoScalingGroupName=group)["Activities"]
    assert [each["StatusCode"] for each in told] == ["Successful", "Failed"]
    assert "sufficient g6.xlarge capacity" in told[1]["StatusMessage"]


def test_a_mixed_policy_takes_what_there_is(place: Place) -> None:
    specification = {"LaunchTemplateId": place.template(), "Version": "$Latest"}
    policy = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": specification,
            "Overrides": [{"InstanceType": "g6.xlarge"}, {"InstanceType": "g5.xlarge"}],
        },
        "InstancesDistribution": {"OnDemandBaseCapacity": 1, "OnDemandPercentageAboveBaseCapacity": 0},
    }
    name = f"{place.name}-mixed"
    place.scaling.create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=0, MaxSize=2, DesiredCapacity=2, MixedInstancesPolicy=policy,
        VPCZoneIdentifier=place.subnets[0],
    )  # fmt: skip
    told = place.ec2.describe_instances(InstanceIds=place.members(name))["Reservations"]
    markets = [each["Instances"][0].get("InstanceLifecycle", "on-demand") for each in told]
    assert sorted(markets) == ["on-demand", "spot"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"LaunchTemplate": {"LaunchTemplateName": "absent"}}, "does not exist"),
        ({"TargetGroupARNs": ["arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/a/b"]}, "Target Groups"),
        ({"VPCZoneIdentifier": "subnet-00000000"}, "does not exist"),
        ({"MinSize": 2, "MaxSize": 1}, "Max bound"),
    ],
)
def test_what_a_group_cannot_be(place: Place, more: dict[str, Any], reason: str) -> None:
    template = {"LaunchTemplateId": place.template(), "Version": "$Latest"}
    base = {"MinSize": 0, "MaxSize": 1, "VPCZoneIdentifier": place.subnets[0], "LaunchTemplate": template}
    with pytest.raises(ClientError, match=reason):
        place.scaling.create_auto_scaling_group(AutoScalingGroupName=f"{place.name}-no", **{**base, **more})


def test_hooks_read_back_whole(place: Place) -> None:
    group = place.scale(place.template(), desired=0)
    hook = {
        "LifecycleHookName": "drain", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "HeartbeatTimeout": 480, "DefaultResult": "CONTINUE", "RoleARN": "arn:aws:iam::000000000000:role/r",
        "NotificationTargetARN": "arn:aws:sns:us-east-1:000000000000:t",
    }  # fmt: skip
    place.scaling.put_lifecycle_hook(AutoScalingGroupName=group, **hook)
    [found] = place.scaling.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
    assert {key: found[key] for key in hook} == hook
