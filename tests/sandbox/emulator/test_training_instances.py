"""Instances that train write to their bucket and end by themselves; a group brings a reclaimed one back."""

from __future__ import annotations

import json

import pytest
from compute_kit import IMAGE, Job, Place, encoded, make_job, make_place, tag_list
from sandbox_kit import Clients, eventually, standing_time


@pytest.fixture
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def launch(place: Place, job: Job, *, name: str = "job", shutdown: str = "terminate") -> str:
    made = place.ec2.run_instances(
        ImageId=IMAGE, InstanceType="g6.xlarge", MinCount=1, MaxCount=1, SubnetId=place.subnets[0],
        UserData=job.user_data(), InstanceInitiatedShutdownBehavior=shutdown,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tag_list({"Name": name, **job.tags})}],
    )  # fmt: skip
    return str(made["Instances"][0]["InstanceId"])


def test_a_job_leaves_its_result_and_no_instance(place: Place, aws: Clients) -> None:
    job = make_job(aws)
    with standing_time():
        instance = launch(place, job)
        assert eventually(lambda: job.state == "running")
    assert eventually(lambda: place.state(instance) == "terminated")
    status, manifest = job.read("status.json"), job.read("output/manifest.json")
    assert (status["state"], status["step"], status["attempt"]) == ("completed", status["total_steps"], 1)
    assert status["metrics"]["training_loss"] < 1
    assert (manifest["model"], manifest["rank"], manifest["attempts"]) == ("org/model", 8, 1)
    config = job.read("output/adapter_config.json")
    assert (config["base_model_name_or_path"], config["r"]) == ("org/model", 8)
    assert {"output/adapter_model.safetensors", "checkpoints/checkpoint-25/complete.json"} <= job.names()


def test_shutting_down_stops_an_instance_that_isnt_to_terminate(place: Place, aws: Clients) -> None:
    job = make_job(aws)
    instance = launch(place, job, shutdown="stop")
    assert eventually(lambda: place.state(instance) == "stopped")
    assert job.state == "completed"


@pytest.mark.parametrize(
    ("train", "name", "reason"),
    [
        ('{"prompt": "llmstrat-fault-data", "completion": "c"}', "job", "isn't what this model takes"),
        ("{}", "fault-halfway", "CUDA error"),
    ],
)
def test_a_job_that_fails_says_why_and_ends(place: Place, aws: Clients, train: str, name: str, reason: str) -> None:
    job = make_job(aws, train=train)
    instance = launch(place, job, name=name)
    assert eventually(lambda: place.state(instance) == "terminated")
    status = job.read("status.json")
    assert status["state"] == "failed"
    assert reason in status["failure"]
    assert "output/manifest.json" not in job.names()


def test_a_job_without_its_files_fails(place: Place, aws: Clients) -> None:
    job = make_job(aws)
    aws("s3").delete_object(Bucket=job.bucket, Key=f"training/{job.key}/data/train.jsonl")
    instance = launch(place, job)
    assert eventually(lambda: place.state(instance) == "terminated")
    assert "training data" in json.dumps(job.read("status.json"))


def test_a_reclaimed_instance_comes_back_and_the_job_goes_on(place: Place, aws: Clients) -> None:
    job = make_job(aws)
    name = f"{place.name}-spot-fault-reclaim"
    template = place.template(
        UserData=encoded(job.user_data(name)), InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": tag_list({"Name": name, **job.tags})}],
    )  # fmt: skip
    with standing_time():
        place.scaling.create_auto_scaling_group(
            AutoScalingGroupName=name, MinSize=0, MaxSize=1, DesiredCapacity=1,
            VPCZoneIdentifier=",".join(place.subnets),
            LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
        )  # fmt: skip
        [first] = place.members(name)
    assert eventually(lambda: place.state(first) == "terminated")
    found = place.ec2.describe_instances(InstanceIds=[first])["Reservations"][0]["Instances"][0]
    assert found["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    assert eventually(lambda: job.state == "completed")
    told = place.scaling.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
    launched = [each["Description"] for each in told if each["Description"].startswith("Launching")]
    assert (len(launched), launched[-1].endswith(first)) == (2, True)
    assert job.read("output/manifest.json")["attempts"] == 2
    # The job's last instance takes its place in the group with it: nothing starts again.
    assert eventually(lambda: place.members(name) == [])
    described = place.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    assert described["DesiredCapacity"] == 0


def test_a_terminated_instance_writes_nothing_more(place: Place, aws: Clients) -> None:
    job = make_job(aws)
    instance = launch(place, job, name="fault-slow")
    assert eventually(lambda: job.state == "running")
    place.ec2.terminate_instances(InstanceIds=[instance])
    assert place.state(instance) == "terminated"
    assert job.state == "running"
