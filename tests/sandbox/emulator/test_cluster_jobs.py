"""SageMaker jobs of many instances: the file system as a channel, what the launcher writes, interruptions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from compute_kit import Place, make_place
from pretraining_job import PretrainingJob, make_pretraining_job
from sandbox_kit import Clients, eventually
from tuning_kit import OVER, role

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker"


@pytest.fixture(scope="module")
def place(emulator_url: str, aws: Clients) -> Place:
    made = make_place(emulator_url, aws)
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": made.group}]}
    made.ec2.authorize_security_group_ingress(GroupId=made.group, IpPermissions=[rule])
    return made


@pytest.fixture(scope="module")
def files(place: Place) -> dict[str, str]:
    """A file system's id and mount name."""
    fsx = place.clients("fsx")
    made = fsx.create_file_system(
        FileSystemType="LUSTRE", StorageCapacity=1200, SubnetIds=place.subnets[:1], SecurityGroupIds=[place.group],
        LustreConfiguration={"DeploymentType": "SCRATCH_2"},
    )["FileSystem"]  # fmt: skip
    name = made["FileSystemId"]
    assert eventually(
        lambda: fsx.describe_file_systems(FileSystemIds=[name])["FileSystems"][0]["Lifecycle"] == "AVAILABLE"
    )
    return {"FileSystemId": name, "MountName": made["LustreConfiguration"]["MountName"]}


def asked(place: Place, job: PretrainingJob, files: dict[str, str] | None, **more: Any) -> dict[str, Any]:
    """The arguments of a job on two nodes."""
    code = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{job.uri}/code/"}}
    channels = [{"ChannelName": "code", "DataSource": code}]
    if files:
        source = {
            "FileSystemId": files["FileSystemId"], "FileSystemType": "FSxLustre", "FileSystemAccessMode": "rw",
            "DirectoryPath": f"/{files['MountName']}",
        }  # fmt: skip
        channels.append({"ChannelName": "files", "DataSource": {"FileSystemDataSource": source}})
    return {
        "TrainingJobName": f"pretraining-{uuid4().hex[:8]}",
        "RoleArn": role(place.clients, "sagemaker.amazonaws.com"),
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": f"{job.uri}/sagemaker/", "CompressionType": "NONE"},
        "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "InstanceCount": 2, "VolumeSizeInGB": 500},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "VpcConfig": {"Subnets": place.subnets[:1], "SecurityGroupIds": [place.group]},
        "Environment": {"LLMSTRAT_JOB_URI": job.uri},
        **more,
    }


def run(place: Place, arguments: dict[str, Any]) -> dict[str, Any]:
    """The job once it is over."""
    client, name = place.clients("sagemaker"), arguments["TrainingJobName"]
    client.create_training_job(**arguments)

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = client.describe_training_job(TrainingJobName=name)
        return found if found["TrainingJobStatus"] in OVER else None

    found: dict[str, Any] = eventually(look)
    return found


def test_nodes_read_the_file_system_and_write_what_the_launcher_does(place: Place, files: dict[str, str]) -> None:
    job = make_pretraining_job(place.clients)
    told = run(place, asked(place, job, files))
    assert (told["TrainingJobStatus"], told["ResourceConfig"]["InstanceCount"]) == ("Completed", 2)
    status, gate = job.read("status.json"), job.read("gate.json")
    assert (status["state"], status["step"], status["nodes"]) == ("completed", 1000, 2)
    assert [each["host"] for each in gate["nodes"]] == ["algo-1", "algo-2"]
    assert {"output/hf/model.safetensors", "output/manifest.json", "checkpoints/step-1000/complete.json"} <= job.names()


def test_a_slow_link_fails_the_job_with_the_gates_reason(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    told = run(place, asked(place, job, None, TrainingJobName=f"fault-slow-link-{uuid4().hex[:6]}"))
    assert told["TrainingJobStatus"] == "Failed"
    assert "the cluster isn't accepted: " in told["FailureReason"]
    assert "algo-2" in told["FailureReason"]
    assert job.read("gate.json")["passed"] is False


def test_spot_capacity_that_is_taken_away_makes_another_generation(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
    }
    told = run(place, asked(place, job, None, TrainingJobName=f"fault-reclaim-{uuid4().hex[:6]}", **spot))
    assert "Interrupted" in {each["Status"] for each in told["SecondaryStatusTransitions"]}
    assert (told["TrainingJobStatus"], job.read("status.json")["attempt"]) == ("Completed", 2)


def test_a_job_that_is_stopped_isnt_failed(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    arguments = asked(place, job, None, TrainingJobName=f"fault-slow-{uuid4().hex[:6]}")
    client, name = place.clients("sagemaker"), arguments["TrainingJobName"]
    client.create_training_job(**arguments)
    client.stop_training_job(TrainingJobName=name)
    assert eventually(lambda: client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped")
    assert "output/manifest.json" not in job.names()


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"VpcConfig": None}, "VpcConfig must be specified"),
        ({"folder": "/corpus"}, "must begin with the file system's mount name"),
        ({"id": "fs-0123456789abcdef0"}, "does not exist"),
    ],
)
def test_a_file_system_out_of_reach_is_refused(
    place: Place, files: dict[str, str], change: dict[str, Any], refusal: str
) -> None:
    arguments = asked(place, make_pretraining_job(place.clients), files)
    source = arguments["InputDataConfig"][1]["DataSource"]["FileSystemDataSource"]
    source |= {
        name: change[key] for name, key in (("DirectoryPath", "folder"), ("FileSystemId", "id")) if key in change
    }
    if "VpcConfig" in change:
        del arguments["VpcConfig"]
    with pytest.raises(ClientError, match=refusal):
        place.clients("sagemaker").create_training_job(**arguments)


def test_a_job_in_another_network_cant_mount_it(
    emulator_url: str, aws: Clients, place: Place, files: dict[str, str]
) -> None:
    other = make_place(emulator_url, aws)
    network = {"Subnets": other.subnets[:1], "SecurityGroupIds": [other.group]}
    with pytest.raises(ClientError, match="isn't in the VPC"):
        aws("sagemaker").create_training_job(**asked(place, make_pretraining_job(aws), files, VpcConfig=network))
