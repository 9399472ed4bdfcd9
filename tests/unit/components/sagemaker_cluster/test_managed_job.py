"""The multi-node training job that a spec becomes: nodes, network, data, end, and what it may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from components_kit import EXPIRES, statements
from managed_cluster_kit import (
    FILES,
    OBJECTS,
    PLAN_ARN,
    STACK,
    TOKEN,
    counted,
    known_job,
    planned,
    pretraining_of,
    registered,
    resolve,
)

from llmstrat_iac.components.expiry import at_expression
from llmstrat_iac.components.sagemaker.cluster import cluster
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.tuning import JobState, TuningState

JOB = "aws:sagemaker/trainingJob:TrainingJob"
SCHEDULE = "aws:scheduler/schedule:Schedule"
POLICY = "aws:iam/rolePolicy:RolePolicy"
VPC = "arn:aws:ec2:us-east-1:123456789012:vpc/cluster-id"


def job_of(folder: Path, state: TuningState | None = None, **changes: Any) -> dict[str, Any]:
    deployed, _ = registered(cluster, resolve(folder, "sagemaker", **changes), state)
    return dict(deployed.one(JOB).inputs)


def key_of(resolved: ResolvedSpec, attempt: int = 1) -> str:
    return f"{pretraining_of(resolved).identity}-{attempt}"


def test_all_nodes_are_one_job_in_the_stacks_own_network(tmp_path: Path) -> None:
    job = job_of(tmp_path, nodes=4)
    assert job["resourceConfig"] == {
        "instanceType": "ml.p5.48xlarge",
        "instanceCount": 4,
        "volumeSizeInGb": 500,
    }
    assert job["vpcConfig"] == {"subnets": ["cluster-1-id"], "securityGroupIds": ["cluster-id"]}
    assert job["deleteVpcEnisOnDestroy"] is True
    container = job["algorithmSpecification"]
    assert container["containerArguments"] == ["exec python3 /opt/ml/input/data/code/cluster_launch.py"]
    assert job["retryStrategy"] == {"maximumRetryAttempts": 10}
    assert job["stoppingCondition"] == {"maxRuntimeInSeconds": 432_000}
    assert job["enableManagedSpotTraining"] is False
    assert "checkpointConfig" not in job, "the launcher copies checkpoints itself"


def test_the_network_admits_itself_both_ways_and_nobody_else(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "sagemaker"))
    ingress = deployed.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    egress = deployed.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    assert [each.inputs.get("referencedSecurityGroupId") for each in ingress] == ["cluster-id"]
    within = [each.inputs for each in egress if each.inputs.get("referencedSecurityGroupId") == "cluster-id"]
    assert [each["ipProtocol"] for each in within] == ["-1"]
    rules = {f"{each.type}::{each.name}" for each in (*ingress, *egress) if "within" in each.name}
    assert rules <= deployed.one(JOB).dependencies


def test_the_corpus_is_the_file_systems_folder_and_checkpoints_lie_beside_it(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "sagemaker", **FILES)
    deployed, found = registered(cluster, resolved)
    job = deployed.one(JOB)
    channels = {each["channelName"]: each["dataSource"] for each in job.inputs["inputDataConfigs"]}
    assert set(channels) == {"code", "files"}
    source = channels["files"]["fileSystemDataSource"]
    assert source["fileSystemType"] == "FSxLustre"
    assert source["fileSystemAccessMode"] == "rw"
    assert source["directoryPath"].startswith("/")
    environment = job.inputs["environment"]
    assert environment["LLMSTRAT_CORPUS"] == "/opt/ml/input/data/files/corpus"
    assert environment["LLMSTRAT_SHARED"] == "/opt/ml/input/data/files"
    assert environment["LLMSTRAT_JOB_URI"].endswith(f"/pretraining/{key_of(resolved)}")
    link = deployed.one("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation")
    assert link.inputs["dataRepositoryPath"] == "s3://corpus-of-ours/text/"
    assert f"{link.type}::{link.name}" in job.dependencies
    assert {"job_name", "job_uri", "log_group", "file_system_id"} <= set(found)


def test_without_a_file_system_objects_are_fetched_as_they_are_read(tmp_path: Path) -> None:
    job = job_of(tmp_path, **OBJECTS)
    corpus = next(each for each in job["inputDataConfigs"] if each["channelName"] == "corpus")
    assert corpus["inputMode"] == "FastFile"
    assert corpus["dataSource"]["s3DataSource"]["s3Uri"] == "s3://corpus-of-ours/text/"
    assert job["environment"]["LLMSTRAT_CORPUS"] == "/opt/ml/input/data/corpus"
    assert "LLMSTRAT_SHARED" not in job["environment"]


def test_spot_waits_longer_than_it_runs(tmp_path: Path) -> None:
    job = job_of(tmp_path, capacity="spot", options={"max_runtime": "2d", "spot_wait": "12h", "retries": 0})
    assert job["enableManagedSpotTraining"] is True
    assert job["stoppingCondition"] == {"maxRuntimeInSeconds": 172_800, "maxWaitTimeInSeconds": 216_000}
    assert "retryStrategy" not in job


def test_a_training_plan_is_where_the_instances_come_from(tmp_path: Path) -> None:
    job = job_of(tmp_path, capacity="training-plan", reservation=PLAN_ARN, zone="us-east-1b")
    assert job["resourceConfig"]["trainingPlanArn"] == PLAN_ARN
    assert job["enableManagedSpotTraining"] is False


def test_the_zone_is_where_the_capacity_is(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "sagemaker", zone="us-east-1b"))
    assert deployed.one("aws:ec2/subnet:Subnet", "cluster-1").inputs["availabilityZone"] == "us-east-1b"


def test_the_job_may_write_its_own_folder_and_read_what_other_attempts_left(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "sagemaker", **OBJECTS)
    deployed, _ = registered(cluster, resolved)
    found = statements(deployed.one(POLICY, "cluster"))
    key, identity = key_of(resolved), pretraining_of(resolved).identity
    writing = [each["Resource"] for each in found if "s3:PutObject" in each["Action"]]
    assert [resource.rpartition("artifacts")[2] for (resource,) in writing] == [f"/pretraining/{key}/*"]
    reading = {resource for each in found if "s3:GetObject" in each["Action"] for resource in each["Resource"]}
    assert {"arn:aws:s3:::corpus-of-ours/text/*", "arn:aws:s3:::corpus-of-ours/tokenizer/*"} <= reading
    assert any(resource.endswith(f"/pretraining/{identity}-*/*") for resource in reading)


def test_behind_a_file_system_the_job_needs_no_corpus_in_s3(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "sagemaker", **FILES))
    assert "corpus-of-ours/text" not in json.dumps(statements(deployed.one(POLICY, "cluster")))


def test_interfaces_are_made_and_taken_away_in_the_stacks_network_only(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "sagemaker"))
    found = statements(deployed.one(POLICY, "cluster"))
    unbound = {
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        "ec2:DeleteNetworkInterfacePermission",
    }
    for each in found:
        assert not any(action.endswith("*") for action in each["Action"])
        if "*" in each["Resource"]:
            assert all(action in unbound or action.startswith("ec2:Describe") for action in each["Action"])
    (creating,) = [each for each in found if "ec2:CreateNetworkInterface" in each["Action"]]
    assert "arn:aws:ec2:us-east-1:123456789012:subnet/cluster-1-id" in creating["Resource"]
    (deleting,) = [each for each in found if "ec2:DeleteNetworkInterface" in each["Action"]]
    assert deleting["Condition"] == {"ArnEquals": {"ec2:Vpc": VPC}}


def test_a_token_is_named_and_never_shown(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "sagemaker"), token=True)
    environment = deployed.one(JOB).inputs["environment"]
    assert environment["LLMSTRAT_TOKEN_SECRET"] == TOKEN
    assert not [name for name in environment if name.startswith("HF_")]


def test_job_and_file_system_end_with_the_stack_the_file_system_later(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "sagemaker", **FILES))
    stop, files = (each.inputs for each in deployed.of(SCHEDULE))
    assert stop["target"]["arn"].endswith(":aws-sdk:sagemaker:stopTrainingJob")
    name = deployed.one(JOB).inputs["trainingJobName"]
    assert json.loads(stop["target"]["input"]) == {"TrainingJobName": name}
    assert stop["scheduleExpression"] == at_expression(EXPIRES)
    assert files["target"]["arn"].endswith(":aws-sdk:fsx:deleteFileSystem")
    assert files["scheduleExpression"] > stop["scheduleExpression"]
    assert all(len(each["name"]) <= 64 for each in (stop, files))


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_is_over_keeps_its_record_and_nothing_that_bills(tmp_path: Path, state: JobState) -> None:
    resolved = resolve(tmp_path, "sagemaker")
    deployed, found = registered(cluster, resolved, TuningState(known_job(resolved, state)))
    assert set(counted(deployed)) == {"aws:iam/role:Role", POLICY, JOB}
    assert found == {"job_name": known_job(resolved, state).name}


def test_the_next_attempt_is_another_job_in_another_folder_that_reads_the_first_ones(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "sagemaker")
    deployed, _ = registered(cluster, resolved, TuningState(None, None, attempt=2))
    job = deployed.one(JOB).inputs
    assert job["trainingJobName"] == f"{STACK}-{pretraining_of(resolved).identity[:8]}-2"
    assert job["environment"]["LLMSTRAT_JOB_URI"].endswith(key_of(resolved, 2))
    assert job["tags"] == {"llmstrat:tuning-job": key_of(resolved, 2)}


def test_the_job_that_serves_stays_while_another_one_trains(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "sagemaker")
    serving = known_job(resolved, JobState.COMPLETED, identity="0123456789ab")
    deployed, _ = registered(cluster, resolved, TuningState(known_job(resolved, JobState.RUNNING), serving))
    networks = {each.inputs["trainingJobName"]: "vpcConfig" in each.inputs for each in deployed.of(JOB)}
    assert networks == {f"{STACK}-01234567": False, known_job(resolved, JobState.RUNNING).name: True}


def test_a_started_job_is_never_started_anew_by_a_changed_spec(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "sagemaker"))
    fixed = deployed.one(JOB).ignored_changes
    assert {"resourceConfig", "vpcConfig", "retryStrategy", "environment"} <= fixed


@pytest.mark.parametrize("storage", [FILES, OBJECTS], ids=["fsx", "s3"])
@pytest.mark.parametrize("ttl", ["30d", "never"])
def test_the_outline_is_what_is_registered(tmp_path: Path, storage: dict[str, Any], ttl: str) -> None:
    resolved = resolve(tmp_path, "sagemaker", ttl=ttl, **storage)
    runtime = pretraining_of(resolved).runtime
    assert runtime.plan_cluster is not None
    deployed, _ = registered(cluster, resolved)
    assert planned(runtime.plan_cluster(pretraining_of(resolved)).resources) == counted(deployed)


def test_two_thousand_nodes_are_as_many_resources_as_two(tmp_path: Path) -> None:
    counts = []
    for nodes in (2, 2000):
        resolved = resolve(tmp_path, "sagemaker", nodes=nodes, trainer={"batch_sequences": 16_000})
        deployed, _ = registered(cluster, resolved)
        counts.append(counted(deployed))
        assert deployed.one(JOB).inputs["resourceConfig"]["instanceCount"] == nodes
    assert counts[0] == counts[1]


def test_the_api_takes_such_a_job(tmp_path: Path) -> None:
    """The provider's names differ from the API's in their first letter, and a few more."""
    job = job_of(tmp_path, capacity="training-plan", reservation=PLAN_ARN, zone="us-east-1b", **FILES)
    shape = get_session().get_service_model("sagemaker").operation_model("CreateTrainingJob").input_shape
    wanted = _as_api(job, {"tags", "deleteVpcEnisOnDestroy"})
    wanted["InputDataConfig"] = wanted.pop("InputDataConfigs")
    wanted["InputDataConfig"][1]["DataSource"]["FileSystemDataSource"]["FileSystemId"] = "fs-0123456789abcdef0"
    report = ParamValidator().validate(wanted, shape)
    assert not report.has_errors(), report.generate_report()


def _as_api(value: Any, leave: set[str] | None = None, *, names: bool = True) -> Any:
    if isinstance(value, list):
        return [_as_api(each) for each in value]
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) else value
    spelled = {"VolumeSizeInGb": "VolumeSizeInGB", "ContainerEntrypoints": "ContainerEntrypoint"}
    found = {}
    for name, each in value.items():
        if name in (leave or ()):
            continue
        upper = name[0].upper() + name[1:] if names else name
        found[spelled.get(upper, upper)] = _as_api(each, names=name != "environment")
    return found
