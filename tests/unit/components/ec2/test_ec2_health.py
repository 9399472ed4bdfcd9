"""How a fleet is, and why not: in the words of the instance that failed, where it has left any."""

from __future__ import annotations

from typing import Any

from aws_fakes import FakeAccount, error

from llmstrat_iac.components.ec2.health import fleet_health
from llmstrat_iac.open_model import FleetHealth

OUTPUTS = {"group": "support-dev-fleet", "log_group": "/llmstrat/support-dev/fleet", "target_group_arn": "tg"}
TERMINATING = {
    "StatusCode": "Successful",
    "Description": "Terminating EC2 instance: i-0abc",
    "Cause": "an instance was taken out of service in response to a user health-check.",
}


def health(
    *,
    wanted: int,
    states: tuple[str, ...] = (),
    activities: tuple[dict[str, str], ...] = (),
    said: str | None = None,
    paused: bool = False,
) -> FleetHealth:
    def events(logGroupName: str, logStreamName: str, limit: int) -> dict[str, Any]:
        if said is None:
            raise error("ResourceNotFoundException")
        assert (logGroupName, logStreamName) == ("/llmstrat/support-dev/fleet", "failed/i-0abc")
        return {"events": [{"message": said}]}

    targets = [
        {"Target": {"Id": f"i-{number}"}, "TargetHealth": {"State": state}} for number, state in enumerate(states)
    ]
    group = {"DesiredCapacity": wanted, "Instances": [{} for _ in states]}
    account = FakeAccount(
        {
            "autoscaling": {
                "describe_auto_scaling_groups": {"AutoScalingGroups": [group]},
                "describe_scaling_activities": {"Activities": list(activities)},
            },
            "elbv2": {"describe_target_health": {"TargetHealthDescriptions": targets}},
            "logs": {"get_log_events": events},
        }
    )
    return fleet_health(OUTPUTS | {"paused": paused}, account)


def test_a_fleet_that_answers_is_well() -> None:
    assert health(wanted=2, states=("healthy", "healthy")) == FleetHealth("2 of 2 instances answer", well=True)


def test_an_instance_that_was_replaced_said_why() -> None:
    found = health(wanted=1, states=("initial",), activities=(TERMINATING,), said="the engine stops again and again\n")
    assert not found.well
    assert found.problems[-1] == "i-0abc: the engine stops again and again"


def test_one_that_said_nothing_is_spoken_for_by_auto_scaling() -> None:
    found = health(wanted=1, states=("initial",), activities=(TERMINATING,))
    assert found.problems[-1] == TERMINATING["Cause"]


def test_a_fleet_that_gave_up_isnt_taken_for_one_that_rests() -> None:
    found = health(wanted=0, activities=(TERMINATING,), said="CUDA out of memory")
    assert (found.well, found.problems) == (False, ("i-0abc: CUDA out of memory",))
    assert "gave up" in found.summary


def test_a_fleet_that_rests_is_well() -> None:
    assert health(wanted=0, activities=(TERMINATING,)).well
    assert health(wanted=0, activities=(TERMINATING,), said="CUDA out of memory", paused=True).summary.endswith(
        "paused"
    )


def test_a_group_that_is_gone_is_said_to_be() -> None:
    account = FakeAccount({"autoscaling": {"describe_auto_scaling_groups": {"AutoScalingGroups": []}}})
    assert fleet_health(OUTPUTS, account).summary == "the group is gone"
