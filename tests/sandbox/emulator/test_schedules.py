"""Schedules act when the clock gets there: each call that components schedule, against a real thing of its kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from compute_kit import Place, make_place
from hosting_kit import make_config, make_endpoint, settled
from sandbox_kit import Clients, clients, eventually, process
from schedule_kit import HOUR, VICTIMS, Alarm, instance
from tuning_kit import served

from llmstrat_iac.components.expiry import UNIVERSAL_TARGETS, UniversalTarget, target_arn


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of its own: its clock is moved."""
    with process("llmstrat_iac.sandbox.emulator", home=tmp_path_factory.mktemp("schedules")) as url:
        yield url


@pytest.fixture(scope="module")
def aws(url: str) -> Clients:
    return clients(url)


@pytest.fixture(scope="module")
def place(url: str, aws: Clients) -> Place:
    made = make_place(url, aws)
    rule = {"IpProtocol": "tcp", "FromPort": 988, "ToPort": 988, "UserIdGroupPairs": [{"GroupId": made.group}]}
    made.ec2.authorize_security_group_ingress(GroupId=made.group, IpPermissions=[rule])
    return made


@pytest.fixture
def alarm(url: str, aws: Clients) -> Alarm:
    return Alarm(url, aws)


@pytest.mark.parametrize("target", UNIVERSAL_TARGETS, ids=lambda target: target.action)
def test_what_costs_money_stops_when_its_time_is_over(alarm: Alarm, place: Place, target: UniversalTarget) -> None:
    victim = VICTIMS[target.action](place)
    assert set(victim.input) == set(target.members)
    alarm.set(target_arn(target, "aws"), alarm.role(target.permission, victim.resource), victim.input)
    assert alarm.pass_by(HOUR - timedelta(minutes=5)) == []
    (fired,) = alarm.pass_by(timedelta(minutes=5))
    assert fired.failure is None
    assert eventually(victim.stopped)


STOP, PERMISSION = "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances", "ec2:TerminateInstances"
ANY = "arn:aws:ec2:us-east-1:000000000000:instance/*"


@pytest.mark.parametrize(
    ("action", "resource", "service", "reason"),
    [
        ("ec2:StopInstances", ANY, "scheduler.amazonaws.com", "doesn't allow ec2:TerminateInstances on"),
        (PERMISSION, f"{ANY[:-1]}i-other", "scheduler.amazonaws.com", "doesn't allow ec2:TerminateInstances on"),
        (PERMISSION, ANY, "events.amazonaws.com", "doesn't trust scheduler.amazonaws.com"),
    ],
)
def test_a_role_that_may_not_is_shown_and_nothing_stops(
    alarm: Alarm, place: Place, action: str, resource: str, service: str, reason: str
) -> None:
    victim = instance(place)
    alarm.set(STOP, alarm.role(action, resource, service), victim.input)
    (fired,) = alarm.pass_by()
    assert fired.attempts == 1
    assert reason in str(fired.failure)
    assert not victim.stopped()


def test_another_groups_schedules_may_not_use_the_role(url: str, aws: Clients, place: Place) -> None:
    alarm = Alarm(url, aws, conditions={"aws:SourceArn": "arn:aws:scheduler:::schedule-group/x"})
    alarm.set(STOP, alarm.role(PERMISSION, ANY), instance(place).input)
    assert "doesn't trust" in str(alarm.pass_by()[0].failure)


def test_a_role_that_is_gone_is_shown(alarm: Alarm, place: Place) -> None:
    arn = alarm.role(PERMISSION, ANY)
    alarm.set(STOP, arn.replace(alarm.name, "absent"), instance(place).input)
    assert "role/llmstrat/absent doesn't exist" in str(alarm.pass_by()[0].failure)


@pytest.mark.parametrize(
    ("target", "call", "reason"),
    [
        ("ec2:terminateInstances", {"instanceIds": ["i-1"]}, "Unknown parameter in input"),
        ("ec2:terminateInstances", "{", "the input is no JSON"),
        ("ec2:endInstances", {}, "there is no API ec2:endInstances"),
        ("application-autoscaling:registerScalableTarget", {}, "universal targets only"),
        ("apigateway:deleteApi", {}, "there is no API apigateway:deleteApi"),
        ("logs:deleteLogGroup", {"LogGroupName": "x"}, "no service of the SDKs is called logs"),
    ],
)
def test_what_is_made_without_complaint_and_can_never_be_called(
    alarm: Alarm, target: str, call: dict[str, Any] | str, reason: str
) -> None:
    alarm.set(f"arn:aws:scheduler:::aws-sdk:{target}", alarm.role("ec2:*", "*"), call)
    (fired,) = alarm.pass_by()
    assert (fired.attempts, reason in str(fired.failure)) == (1, True), fired.failure


def test_a_call_that_aws_refuses_is_tried_again(alarm: Alarm) -> None:
    alarm.set(STOP, alarm.role(PERMISSION, ANY), {"InstanceIds": ["i-0123456789abcdef0"]})
    (fired,) = alarm.pass_by()
    assert fired.attempts > 1
    assert str(fired.failure).startswith("InvalidInstanceID.NotFound")


@pytest.mark.parametrize(("after", "left"), [("NONE", 1), ("DELETE", 0)])
def test_a_schedule_stays_unless_it_says_otherwise(alarm: Alarm, place: Place, after: str, left: int) -> None:
    alarm.set(STOP, alarm.role(PERMISSION, ANY), instance(place).input, ActionAfterCompletion=after)
    assert len(alarm.pass_by()) == 1
    assert len(alarm.aws("scheduler").list_schedules(GroupName=alarm.name)["Schedules"]) == left
    assert alarm.pass_by() == []


def test_a_disabled_schedule_waits(alarm: Alarm, place: Place) -> None:
    alarm.set(STOP, alarm.role(PERMISSION, ANY), instance(place).input, State="DISABLED")
    assert alarm.pass_by() == []


def test_a_schedule_keeps_its_time_zone(alarm: Alarm, place: Place) -> None:
    local = f"at({alarm.now().astimezone(UTC) + timedelta(hours=10):%Y-%m-%dT%H:%M:%S})"
    alarm.set(
        STOP, alarm.role(PERMISSION, ANY), instance(place).input, ScheduleExpression=local,
        ScheduleExpressionTimezone="Asia/Tokyo",
    )  # fmt: skip
    assert len(alarm.pass_by(timedelta(hours=1, minutes=1))) == 1, "Tokyo is nine hours ahead"


def test_real_time_is_enough(alarm: Alarm, place: Place) -> None:
    """A rate begins at once."""
    victim = instance(place)
    alarm.set(STOP, alarm.role(PERMISSION, ANY), victim.input, ScheduleExpression="rate(1 day)")
    assert eventually(victim.stopped)


@pytest.mark.parametrize("expression", ["cron(0 20 * * * *)", "at(tomorrow)", "rate(1 week)"])
def test_what_is_no_expression_is_refused(alarm: Alarm, expression: str) -> None:
    arn = alarm.role(PERMISSION, ANY)
    with pytest.raises(ClientError, match="Invalid Schedule Expression"):
        alarm.set(STOP, arn, {}, ScheduleExpression=expression)


def tokyo(alarm: Alarm, by: timedelta) -> str:
    """Minute and hour of a moment from now, as Tokyo's clocks have it."""
    moment = alarm.now().astimezone(UTC) + by + timedelta(hours=9)
    return f"{moment.minute} {moment.hour}"


def test_a_groups_actions_change_it_day_by_day(alarm: Alarm, place: Place) -> None:
    name, scaling = place.scale(place.template(), desired=0), place.scaling
    for word, hours, size in (("start", 2, 2), ("stop", 8, 0)):
        scaling.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName=f"{alarm.name}-{word}", MinSize=size, MaxSize=2 * size,
            DesiredCapacity=size, Recurrence=f"{tokyo(alarm, timedelta(hours=hours))} * * *", TimeZone="Asia/Tokyo",
        )  # fmt: skip
    assert [each.name.rpartition("-")[2] for each in alarm.pass_by(timedelta(hours=3))] == ["start"]
    assert len(place.members(name)) == 2
    fired = [each.name.rpartition("-")[2] for each in alarm.pass_by(timedelta(hours=30))]
    assert fired == ["stop", "start", "stop"]
    assert place.members(name) == []
    scaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["ScheduledActions"])
    assert alarm.pass_by(timedelta(days=1)) == []


def test_an_action_at_one_time_is_gone_afterwards_and_one_that_has_ended_rests(alarm: Alarm, place: Place) -> None:
    name, now = place.scale(place.template(), desired=0), alarm.now().replace(second=30)
    put, asked = place.scaling.put_scheduled_update_group_action, {"AutoScalingGroupName": name, "DesiredCapacity": 1}
    put(**asked, ScheduledActionName=f"{alarm.name}-once", StartTime=now + HOUR)
    put(
        **asked, ScheduledActionName=f"{alarm.name}-ended", Recurrence="* * * * *", StartTime=now + 2 * HOUR,
        EndTime=now + 2 * HOUR + timedelta(minutes=2),
    )  # fmt: skip
    fired = [each.name.rpartition("-")[2] for each in alarm.pass_by(timedelta(hours=4))]
    assert fired == ["once", "ended", "ended"]
    left = place.scaling.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"]
    assert [each["ScheduledActionName"] for each in left] == [f"{alarm.name}-ended"]


@pytest.mark.parametrize("when", [{"Recurrence": "cron(0 7 * * ? *)"}, {"Recurrence": "0 25 * * *"}, {}])
def test_a_groups_action_needs_a_time(place: Place, when: dict[str, str]) -> None:
    name = place.scale(place.template(), desired=0)
    with pytest.raises(ClientError, match="ValidationError"):
        place.scaling.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName="x", DesiredCapacity=1, **when
        )


def test_a_scalable_targets_actions_move_its_limits(alarm: Alarm, place: Place) -> None:
    name, scaling = make_endpoint(place.clients, make_config(place.clients)), alarm.aws("application-autoscaling")
    settled(place.clients, name)
    target = {
        "ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }  # fmt: skip
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=1)
    with pytest.raises(ClientError, match="ValidationException"):
        scaling.put_scheduled_action(**target, ScheduledActionName="x", Schedule="0 7 * * *")
    scaling.put_scheduled_action(
        **target, ScheduledActionName=alarm.name, Timezone="Asia/Tokyo",
        Schedule=f"cron({tokyo(alarm, HOUR)} * * ? *)", ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 3},
    )  # fmt: skip
    assert len(alarm.pass_by()) == 1
    variant = settled(place.clients, name)["ProductionVariants"][0]
    assert variant["DesiredInstanceCount"] == 2


def test_upstream_still_keeps_what_could_never_act(plain_emulator_url: str) -> None:
    plain = clients(plain_emulator_url)
    assert served(
        lambda: plain("autoscaling").put_scheduled_update_group_action(
            AutoScalingGroupName="absent", ScheduledActionName="gap", Recurrence="never", DesiredCapacity=1
        )
    ), "plain ministack now looks at scheduled actions: compare, then delete what isn't needed any more"
    assert served(
        lambda: plain("scheduler").create_schedule(
            Name="gap", ScheduleExpression="never", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": STOP, "RoleArn": "arn:aws:iam::000000000000:role/absent", "Input": "{}"},
        )
    ), "plain ministack now reads schedules' expressions: compare, then delete what isn't needed any more"  # fmt: skip
