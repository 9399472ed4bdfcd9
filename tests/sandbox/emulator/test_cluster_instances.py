"""Instances that train together: gate, steps, checkpoints, model; a lost node comes back; at the end nothing runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from compute_kit import IMAGE, Place, encoded, make_place, tag_list
from pretraining_job import PretrainingJob, make_pretraining_job
from sandbox_kit import Clients, eventually, standing_time

from llmstrat_iac.components.names import TAG_NODES


@pytest.fixture(scope="module")
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def start(place: Place, job: PretrainingJob, name: str, *, nodes: int = 2, instances: int | None = None) -> str:
    """A group whose instances train; its name, of which `name` is the end."""
    group = f"{place.name}-{job.key}-{name}"
    text = (
        f"#!/bin/sh\nexport LLMSTRAT_GROUP={group}\nexport LLMSTRAT_JOB_URI={job.uri}\n"
        f"export LLMSTRAT_LOG_GROUP=/llmstrat/{group}\n"
    )
    place.clients("logs").create_log_group(logGroupName=f"/llmstrat/{group}")
    template = place.template(
        InstanceType="p4d.24xlarge", UserData=encoded(text), ImageId=IMAGE,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tag_list({"Name": group, TAG_NODES: str(nodes)})}],
    )  # fmt: skip
    count = instances or nodes
    place.scaling.create_auto_scaling_group(
        AutoScalingGroupName=group, MinSize=count, MaxSize=count, DesiredCapacity=count,
        VPCZoneIdentifier=place.subnets[0], LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
    )  # fmt: skip
    return group


def capacity(place: Place, group: str) -> tuple[int, int]:
    """Instances, and how many are wanted."""
    [found] = place.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return len(found["Instances"]), int(found["DesiredCapacity"])


def tensors(content: bytes) -> dict[str, Any]:
    """The header of a safetensors file, whose offsets must fit its data."""
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    header.pop("__metadata__")
    assert max(each["data_offsets"][1] for each in header.values()) == len(content) - 8 - length
    return header


def test_nodes_train_together_and_leave_a_model_and_no_instance(place: Place, aws: Clients) -> None:
    job = make_pretraining_job(aws)
    with standing_time():
        group = start(place, job, "job")
        assert capacity(place, group) == (2, 2)
        assert eventually(lambda: job.state == "running")
    gate = job.read("gate.json")
    assert (gate["passed"], len(gate["nodes"]), gate["nodes"][0]["efa"]) == (True, 2, 4)
    assert gate["all_reduce_gb_s"] > gate["floor_gb_s"]
    assert eventually(lambda: job.state == "completed")
    status = job.read("status.json")
    assert (status["step"], status["total_steps"], status["nodes"], status["attempt"]) == (1000, 1000, 2, 1)
    assert status["tokens_per_second"] == 64_000
    assert status["loss"] < 1
    # Of four checkpoints the newest two are kept.
    complete = {name for name in job.names() if name.endswith("/complete.json")}
    assert complete == {f"checkpoints/step-{step}/complete.json" for step in (750, 1000)}
    assert job.read("output/manifest.json")["files"] == ["config.json", "model.safetensors", "tokenizer.json"]
    config, header = job.read("output/hf/config.json"), tensors(job.content("output/hf/model.safetensors"))
    assert header["lm_head.weight"]["shape"] == [config["vocab_size"], config["hidden_size"]]
    assert eventually(lambda: capacity(place, group) == (0, 0))
    streams = aws("logs").describe_log_streams(logGroupName=f"/llmstrat/{group}")["logStreams"]
    assert any(each["logStreamName"].startswith(f"{job.key}/i-") for each in streams)


def test_a_lost_node_comes_back_and_the_job_goes_on_from_its_checkpoint(place: Place, aws: Clients) -> None:
    job = make_pretraining_job(aws)
    with standing_time():
        group = start(place, job, "fault-reclaim")
        first = set(place.members(group))
    assert eventually(lambda: job.state == "completed")
    status = job.read("status.json")
    assert (status["attempt"], status["nodes"]) == (2, 2)
    [lost] = [each for each in first if place.state(each) == "terminated" and _reclaimed(place, each)]
    streams = aws("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/llmstrat/{group}")
    lines = [event["message"] for page in streams for event in page["events"]]
    assert "launch: generation 2 of 2 nodes goes on from step 500" in lines
    assert eventually(lambda: capacity(place, group) == (0, 0))
    assert lost not in place.members(group)


def _reclaimed(place: Place, instance: str) -> bool:
    found = place.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(found["StateReason"]["Code"]) == "Server.SpotInstanceTermination"


def test_without_a_replacement_it_goes_on_with_what_the_job_allows(place: Place, aws: Clients) -> None:
    job = make_pretraining_job(aws)
    group = start(place, job, "fault-slow")
    assert eventually(lambda: job.state == "running")
    name = {"AutoScalingGroupName": group}
    place.scaling.update_auto_scaling_group(**name, MinSize=1, MaxSize=1, DesiredCapacity=1)
    assert eventually(lambda: job.state == "completed")
    assert job.read("status.json")["nodes"] == 1


def test_a_slow_link_fails_the_gate_which_names_a_node(place: Place, aws: Clients) -> None:
    job = make_pretraining_job(aws, nodes=3, allowed=(3,))
    group = start(place, job, "fault-slow-link", nodes=3)
    assert eventually(lambda: job.state == "failed")
    gate, status = job.read("gate.json"), job.read("status.json")
    assert not gate["passed"]
    *_, last = (each["host"] for each in gate["nodes"])
    assert last.startswith("i-")
    assert [each["host"] for each in gate["nodes"] if each["failures"]] == [last]
    assert status["failure"].startswith("the cluster isn't accepted: ")
    assert last in status["failure"]
    assert status["step"] == 0
    assert eventually(lambda: capacity(place, group) == (0, 0))


def test_a_run_that_crashes_keeps_its_checkpoints(place: Place, aws: Clients) -> None:
    job = make_pretraining_job(aws)
    group = start(place, job, "fault-halfway")
    assert eventually(lambda: job.state == "failed")
    assert "CUDA error" in job.read("status.json")["failure"]
    assert "checkpoints/step-250/complete.json" in job.names()
    assert "output/manifest.json" not in job.names()
    assert eventually(lambda: capacity(place, group) == (0, 0))


def test_spare_nodes_wait_and_an_emptied_group_ends_the_work(place: Place, aws: Clients) -> None:
    job = make_pretraining_job(aws)
    group = start(place, job, "fault-slow", instances=3)
    assert eventually(lambda: job.state == "running")
    assert (job.read("status.json")["nodes"], capacity(place, group)[0]) == (2, 3)
    name = {"AutoScalingGroupName": group}
    place.scaling.update_auto_scaling_group(**name, MinSize=0, MaxSize=0, DesiredCapacity=0)
    assert job.state == "running"
    assert capacity(place, group) == (0, 0)


def test_a_job_without_its_code_fails(place: Place, aws: Clients) -> None:
    job = make_pretraining_job(aws)
    aws("s3").delete_object(Bucket=job.bucket, Key=f"pretraining/{job.key}/code/job.json")
    group = start(place, job, "job")
    assert eventually(lambda: job.state == "failed")
    assert "code isn't there" in job.read("status.json")["failure"]
    assert eventually(lambda: capacity(place, group) == (0, 0))
