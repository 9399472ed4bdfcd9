"""An instance of the sandbox that trains for real: the launcher from S3, a tiny model, a reclaim in the middle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from compute_kit import Job, Place, encoded, make_place, tag_list
from rendering_kit import KEY, resolve_training
from sandbox_kit import Clients, clients, process
from trainer_kit import wait_for

from llmstrat_iac.open_model.trainer_files import render_job

CHAT = [{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}] * 64


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with process("llmstrat_iac.sandbox.emulator", home=tmp_path_factory.mktemp("emulator")) as url:
        yield make_place(url, clients(url))


def put_job(made: Clients, folder: Path, *, steps: int) -> Job:
    training = resolve_training(
        folder, rows=CHAT, method="lora", checkpoint_steps=25,
        hyperparameters={"max_steps": steps, "batch_size": 4, "max_length": 64},
    )  # fmt: skip
    job = Job(made, "jobs", KEY)
    files = {f"code/{name}": text.encode() for name, text in render_job(training, KEY).items()}
    files["data/train.jsonl"] = (folder / "train.jsonl").read_bytes()
    made("s3").create_bucket(Bucket=job.bucket)
    for name, content in files.items():
        made("s3").put_object(Bucket=job.bucket, Key=f"training/{KEY}/{name}", Body=content)
    return job


def test_a_reclaimed_training_goes_on_where_it_was(place: Place, tmp_path: Path) -> None:
    job, name = put_job(place.clients, tmp_path, steps=200), f"{place.name}-fault-reclaim"
    tags = [{"ResourceType": "instance", "Tags": tag_list({"Name": name, **job.tags})}]
    template = place.template(
        UserData=encoded(job.user_data(name)), InstanceMarketOptions={"MarketType": "spot"}, TagSpecifications=tags
    )
    place.scaling.create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=0, MaxSize=1, DesiredCapacity=1, VPCZoneIdentifier=place.subnets[0],
        LaunchTemplate={"LaunchTemplateId": template, "Version": "$Latest"},
    )  # fmt: skip
    [first] = place.members(name)
    wait_for(lambda: place.state(first) == "terminated")
    wait_for(lambda: job.state in ("completed", "failed"))
    status = job.read("status.json")
    assert status["state"] == "completed", json.dumps(status)
    assert (status["step"], status["attempt"]) == (200, 2)
    manifest = job.read("output/manifest.json")
    assert (manifest["key"], manifest["attempts"], manifest["adapter"]) == (KEY, 2, True)
    assert "output/adapter_model.safetensors" in job.names()
    wait_for(lambda: place.members(name) == [])
