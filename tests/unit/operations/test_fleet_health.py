"""`status` says how a fleet is, and in AWS's own words why it isn't well."""

from __future__ import annotations

from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.components.ec2.health import fleet_health as ec2_health
from llmstrat_iac.components.sagemaker.health import fleet_health as sagemaker_health

EC2 = {"group": "demo-dev-fleet", "target_group_arn": "arn:targets", "paused": False}
ENDPOINT = {"endpoint_name": "demo-dev-endpoint", "paused": False}
NO_CAPACITY = "We currently do not have sufficient g6e.xlarge capacity in the Availability Zone you requested."


def group(desired: int, states: dict[str, str], activities: list[dict[str, Any]] | None = None) -> FakeAccount:
    instances = [{"InstanceId": name} for name in states]
    targets = [
        {"Target": {"Id": name}, "TargetHealth": {"State": state, "Reason": "Target.FailedHealthChecks"}}
        for name, state in states.items()
    ]
    return FakeAccount(
        {
            "autoscaling": {
                "describe_auto_scaling_groups": {
                    "AutoScalingGroups": [{"DesiredCapacity": desired, "Instances": instances}]
                },
                "describe_scaling_activities": {"Activities": activities or []},
            },
            "elbv2": {"describe_target_health": {"TargetHealthDescriptions": targets}},
        }
    )


def test_a_fleet_that_answers_is_well() -> None:
    health = ec2_health(EC2, group(2, {"i-1": "healthy", "i-2": "healthy"}))
    assert (health.summary, health.well, health.problems) == ("2 of 2 instances answer", True, ())


def test_capacity_that_is_not_there_is_told_in_awss_words() -> None:
    health = ec2_health(EC2, group(1, {}, [{"StatusCode": "Failed", "StatusMessage": NO_CAPACITY}]))
    assert (health.well, health.problems) == (False, (f"failed: {NO_CAPACITY}",))


def test_an_instance_that_died_is_named_with_its_cause() -> None:
    cause = "At 2026-11-24T10:00:00Z an instance was taken out of service in response to an EC2 health check."
    activities = [{"StatusCode": "Successful", "Description": "Terminating EC2 instance: i-1", "Cause": cause}]
    health = ec2_health(EC2, group(1, {"i-2": "unhealthy"}, activities))
    assert health.summary == "0 of 1 instances answer"
    assert health.problems == ("i-2 is unhealthy: Target.FailedHealthChecks", cause)


@pytest.mark.parametrize(("paused", "said"), [(True, "no instances: paused"), (False, "none are wanted at this time")])
def test_a_fleet_that_rests_is_well(paused: bool, said: str) -> None:
    health = ec2_health(EC2 | {"paused": paused}, group(0, {}))
    assert health.well
    assert said in health.summary


def test_a_group_that_is_gone() -> None:
    account = FakeAccount({"autoscaling": {"describe_auto_scaling_groups": {"AutoScalingGroups": []}}})
    assert not ec2_health(EC2, account).well


def test_an_endpoint_that_failed_says_why() -> None:
    reason = "The primary container for production variant main did not pass the ping health check."
    answer = {"EndpointStatus": "Failed", "FailureReason": reason}
    health = sagemaker_health(ENDPOINT, FakeAccount({"sagemaker": {"describe_endpoint": answer}}))
    assert (health.well, health.problems) == (False, (reason,))


@pytest.mark.parametrize(("paused", "well"), [(True, True), (False, False)])
def test_an_endpoint_that_is_gone(paused: bool, well: bool) -> None:
    absent = error("ValidationException")
    absent.args = ('Could not find endpoint "demo-dev-endpoint".',)
    health = sagemaker_health(ENDPOINT | {"paused": paused}, FakeAccount({"sagemaker": {"describe_endpoint": absent}}))
    assert health.well is well
