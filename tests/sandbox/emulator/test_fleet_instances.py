"""Instances that serve: behind the balancer once they are healthy, replaced when they end, gone without a trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from compute_kit import IMAGE, PORT, SERVES, Place, encoded, make_place, tag_list
from sandbox_kit import Clients, clients, eventually, standing_time

from llmstrat_iac.sandbox.environment import NO_WAY_OUT, process_variables
from llmstrat_iac.sandbox.fleet.process import running_engines
from llmstrat_iac.sandbox.session import SandboxSession


@pytest.fixture
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def healthy(place: Place, targets: str, number: int) -> bool:
    return bool(eventually(lambda: place.health(targets) == ["healthy"] * number))


def test_a_fleet_answers_once_its_model_is_loaded(place: Place) -> None:
    _, targets = place.balancer()
    with standing_time():
        place.scale(place.fleet_template(), TargetGroupARNs=[targets])
        assert place.health(targets) == ["initial"]
        assert place.ask("llama").status in (502, 503)
    assert healthy(place, targets, 1)
    answer = json.loads(place.ask("llama").read())
    assert answer["choices"][0]["message"]["content"].startswith("Sandbox answer")
    assert answer["usage"]["completion_tokens"] > 0
    tuned = json.loads(place.ask("tuned (a)").read())
    assert tuned["choices"][0]["message"]["content"].startswith("[tuned tuned (a)]")
    unknown = place.ask("gpt-5")
    assert (unknown.status, json.loads(unknown.read())["error"]["type"]) == (404, "NotFoundError")


def test_a_stream_passes_piece_by_piece(place: Place) -> None:
    _, targets = place.balancer()
    place.scale(place.fleet_template(), TargetGroupARNs=[targets])
    assert healthy(place, targets, 1)
    stream = place.ask("llama", stream=True, stream_options={"include_usage": True})
    assert stream.headers["content-type"].startswith("text/event-stream")
    pieces = list(stream.stream(4096))
    assert len(pieces) > 1
    events = [event for event in b"".join(pieces).decode().split("\n\n") if event]
    assert events[-1] == "data: [DONE]"
    assert json.loads(events[-2].removeprefix("data: "))["usage"]["total_tokens"] > 0


def test_an_instance_that_ends_is_replaced(place: Place) -> None:
    _, targets = place.balancer()
    group = place.scale(place.fleet_template(), desired=2, TargetGroupARNs=[targets])
    first, second = place.members(group)
    place.ec2.terminate_instances(InstanceIds=[first])
    assert second in place.members(group)
    assert len(place.members(group)) == 2
    assert first not in place.members(group)
    assert healthy(place, targets, 2)


def test_an_engine_that_dies_is_started_again(place: Place, sandbox: SandboxSession) -> None:
    _, targets = place.balancer()
    group = place.scale(place.fleet_template(), TargetGroupARNs=[targets])
    assert healthy(place, targets, 1)
    [instance] = place.members(group)
    [before] = [each for each in running_engines(sandbox.home) if each.name == instance]
    os.kill(before.pid, 9)

    def pids() -> list[int]:
        return [each.pid for each in running_engines(sandbox.home) if each.name == instance]

    assert eventually(lambda: pids() not in ([], [before.pid]))
    assert healthy(place, targets, 1)
    assert place.members(group) == [instance]


def test_scaling_in_leaves_no_process(place: Place, sandbox: SandboxSession) -> None:
    group = place.scale(place.fleet_template(), desired=1)
    [instance] = place.members(group)

    def engines() -> list[str]:
        return [each.name for each in running_engines(sandbox.home) if each.name == instance]

    assert eventually(engines)
    assert any(each.name == instance for each in sandbox.status().processes)
    place.scaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=0)
    assert place.state(instance) == "terminated"
    assert eventually(lambda: not engines())
    assert not (Path(sandbox.home) / "fleet" / f"{instance}.json").exists()


def test_a_single_instance_can_be_a_target(place: Place) -> None:
    _, targets = place.balancer()
    made = place.ec2.run_instances(
        ImageId=IMAGE, InstanceType="g6.xlarge", MinCount=1, MaxCount=1, SubnetId=place.subnets[0], UserData=SERVES,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tag_list({"llmstrat:serves": str(PORT)})}],
    )  # fmt: skip
    instance = made["Instances"][0]["InstanceId"]
    place.elb.register_targets(TargetGroupArn=targets, Targets=[{"Id": instance}])
    assert healthy(place, targets, 1)
    place.ec2.stop_instances(InstanceIds=[instance])
    assert place.health(targets) == ["unused"]
    place.ec2.start_instances(InstanceIds=[instance])
    assert healthy(place, targets, 1)


def test_an_instance_without_an_engine_stays_unhealthy(place: Place) -> None:
    _, targets = place.balancer()
    place.scale(place.template(UserData=encoded("#!/bin/sh\n")), TargetGroupARNs=[targets])
    assert place.health(targets) == ["initial"]
    assert place.ask("llama").status == 502


def test_weights_choose_between_target_groups(place: Place) -> None:
    balancer, targets = place.balancer()
    other = place.elb.create_target_group(Name=f"{place.name}-b", Protocol="HTTP", Port=PORT, VpcId=place.vpc)
    empty = other["TargetGroups"][0]["TargetGroupArn"]
    place.scale(place.fleet_template(), TargetGroupARNs=[targets])
    listener = place.elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    for weights, status in (((1, 0), 200), ((0, 1), 503)):
        pairs = zip((targets, empty), weights, strict=True)
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in pairs]
        forward = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
        place.elb.modify_listener(ListenerArn=listener, DefaultActions=forward)
        assert healthy(place, targets, 1) or status != 200
        assert place.ask("llama").status == status


def test_engines_end_with_an_emulator_that_is_killed(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        (tmp_path / "empty").touch()
        emulator = subprocess.Popen(
            [sys.executable, "-m", "llmstrat_iac.sandbox.emulator", "--port", "0"],
            stdout=subprocess.PIPE, stderr=log,
            env=process_variables(os.environ, "http://127.0.0.1:9", tmp_path, NO_WAY_OUT),
        )  # fmt: skip
    assert emulator.stdout is not None
    url = f"http://127.0.0.1:{json.loads(emulator.stdout.readline())['port']}"
    place = make_place(url, clients(url))
    place.scale(place.fleet_template(), desired=2)
    assert eventually(lambda: len(running_engines(tmp_path)) == 2)
    emulator.kill()
    emulator.communicate()
    assert eventually(lambda: not running_engines(tmp_path))
