"""Load balancers, target groups, listeners and rules: checked, whole, and gone together."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from compute_kit import IMAGE, PORT, Place, make_place
from sandbox_kit import Clients


@pytest.fixture
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def test_a_balancer_knows_its_network(place: Place) -> None:
    balancer, _ = place.balancer()
    [found] = place.elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"]
    assert (found["VpcId"], found["State"]["Code"]) == (place.vpc, "active")
    assert found["DNSName"].startswith(f"internal-{place.name}-")
    assert {each["ZoneName"] for each in found["AvailabilityZones"]} == {"us-east-1a", "us-east-1b"}
    with pytest.raises(ClientError, match="DependencyViolation"):
        place.ec2.delete_security_group(GroupId=place.group)


def test_a_balancer_takes_its_listeners_along(place: Place) -> None:
    balancer, targets = place.balancer()
    [listener] = place.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    with pytest.raises(ClientError, match="ResourceInUse"):
        place.elb.delete_target_group(TargetGroupArn=targets)
    place.elb.delete_load_balancer(LoadBalancerArn=balancer)
    with pytest.raises(ClientError, match="ListenerNotFound"):
        place.elb.describe_rules(ListenerArn=listener["ListenerArn"])
    place.elb.delete_target_group(TargetGroupArn=targets)
    place.ec2.delete_security_group(GroupId=place.group)


def test_one_subnet_is_too_few(place: Place) -> None:
    with pytest.raises(ClientError, match="two different Availability Zones"):
        place.elb.create_load_balancer(Name=place.name, Subnets=place.subnets[:1])


@pytest.mark.parametrize("seconds", ["0", "4001"])
def test_the_idle_timeout_has_bounds(place: Place, seconds: str) -> None:
    balancer, _ = place.balancer()
    attributes = [{"Key": "idle_timeout.timeout_seconds", "Value": seconds}]
    with pytest.raises(ClientError, match="between 1 and 4000"):
        place.elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=attributes)


def test_a_check_must_be_over_before_the_next(place: Place) -> None:
    with pytest.raises(ClientError, match="must be smaller than"):
        place.elb.create_target_group(
            Name=place.name, Protocol="HTTP", Port=PORT, VpcId=place.vpc, HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=10,
        )  # fmt: skip


def test_targets_must_be_running_and_near(place: Place, emulator_url: str, aws: Clients) -> None:
    _, targets = place.balancer()
    register = place.elb.register_targets
    with pytest.raises(ClientError, match="not valid instances"):
        register(TargetGroupArn=targets, Targets=[{"Id": "i-0123456789abcdef0"}])
    far = make_place(emulator_url, aws)
    made = far.ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, SubnetId=far.subnets[0])["Instances"][0]
    with pytest.raises(ClientError, match="not in the target group VPC"):
        register(TargetGroupArn=targets, Targets=[{"Id": made["InstanceId"]}])
    far.ec2.terminate_instances(InstanceIds=[made["InstanceId"]])
    with pytest.raises(ClientError, match="not in a running state"):
        register(TargetGroupArn=targets, Targets=[{"Id": made["InstanceId"]}])


def test_rules_decide_what_passes(place: Place) -> None:
    balancer, targets = place.balancer()
    [listener] = place.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    arn = listener["ListenerArn"]
    nothing = {"StatusCode": "404", "ContentType": "application/json", "MessageBody": '{"error": "no such path"}'}
    place.elb.modify_listener(
        ListenerArn=arn, DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": nothing}]
    )
    assert place.ask("llama").status == 404
    paths = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/v1/*"]}}]
    forward = [{"Type": "forward", "TargetGroupArn": targets}]
    made = place.elb.create_rule(ListenerArn=arn, Priority=1, Conditions=paths, Actions=forward)["Rules"][0]
    assert made["Conditions"][0]["PathPatternConfig"] == {"Values": ["/v1/*"]}
    assert place.ask("llama").status == 503
    with pytest.raises(ClientError, match="PriorityInUse"):
        place.elb.create_rule(ListenerArn=arn, Priority=1, Conditions=paths, Actions=forward)
    place.elb.delete_rule(RuleArn=made["RuleArn"])
    assert place.ask("llama").status == 404


def test_a_port_has_one_listener(place: Place) -> None:
    balancer, targets = place.balancer()
    forward = [{"Type": "forward", "TargetGroupArn": targets}]
    with pytest.raises(ClientError, match="DuplicateListener"):
        place.elb.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=forward)
