"""The Slurm cluster that a spec becomes: what SageMaker is asked for, how it ends, and what its nodes may do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from components_kit import EXPIRES, Deployed, statements
from managed_cluster_kit import (
    FILES,
    OBJECTS,
    PLAN_ARN,
    counted,
    known_job,
    planned,
    pretraining_of,
    registered,
    resolve,
)

from llmstrat_iac.components.expiry import at_expression
from llmstrat_iac.components.hyperpod.cluster import cluster
from llmstrat_iac.components.hyperpod.lifecycle import FILES as LIFECYCLE
from llmstrat_iac.tuning import JobState, TuningState

CLUSTER = "aws:cloudcontrol/resource:Resource"
SCHEDULE = "aws:scheduler/schedule:Schedule"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
POLICY = "aws:iam/rolePolicy:RolePolicy"
GROUP_PROPERTIES = {
    "AutoPatchConfig", "CapacityRequirements", "ExecutionRole", "ImageId", "InstanceCount", "InstanceGroupName",
    "InstanceRequirements", "InstanceStorageConfigs", "InstanceType", "KubernetesConfig", "LifeCycleConfig",
    "MinInstanceCount", "NetworkInterface", "OnStartDeepHealthChecks", "OverrideVpcConfig", "ScheduledUpdateConfig",
    "SlurmConfig", "ThreadsPerCore", "TrainingPlanArn",
}  # fmt: skip
"""CloudFormation's, by its reference of 2026-11, AWS::SageMaker::Cluster ClusterInstanceGroup."""


def made(folder: Path, state: TuningState | None = None, **changes: Any) -> Deployed:
    return registered(cluster, resolve(folder, "hyperpod", **changes), state)[0]


def wanted(deployed: Deployed) -> dict[str, Any]:
    resource = deployed.one(CLUSTER)
    assert resource.inputs["typeName"] == "AWS::SageMaker::Cluster"
    document: dict[str, Any] = json.loads(resource.inputs["desiredState"])
    return document


def groups(deployed: Deployed) -> tuple[dict[str, Any], dict[str, Any]]:
    controller, workers = wanted(deployed)["InstanceGroups"]
    return controller, workers


def test_a_controller_and_workers_with_slurm_by_the_api(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "hyperpod", nodes=4, spare_nodes=1)
    deployed, found = registered(cluster, resolved)
    document = wanted(deployed)
    assert document["ClusterName"] == f"tiny-dev-hyperpod-{pretraining_of(resolved).identity}-1"
    assert document["Orchestrator"] == {"Slurm": {"SlurmConfigStrategy": "Managed"}}
    assert document["NodeRecovery"] == "Automatic"
    assert document["VpcConfig"] == {"Subnets": ["cluster-1-id"], "SecurityGroupIds": ["cluster-id"]}
    controller, workers = groups(deployed)
    assert controller["SlurmConfig"] == {"NodeType": "Controller"}
    assert (controller["InstanceType"], controller["InstanceCount"]) == ("ml.m5.2xlarge", 1)
    assert workers["SlurmConfig"] == {"NodeType": "Compute", "PartitionNames": ["train"]}
    assert (workers["InstanceType"], workers["InstanceCount"]) == ("ml.p5.48xlarge", 5)
    assert workers["OnStartDeepHealthChecks"] == ["InstanceStress", "InstanceConnectivity"]
    assert workers["NetworkInterface"] == {"InterfaceType": "efa-only"}
    assert controller["LifeCycleConfig"]["OnInitComplete"] == "controller.sh"
    assert workers["LifeCycleConfig"]["OnInitComplete"] == "worker.sh"
    assert found["cluster_name"] == document["ClusterName"]


def test_it_carries_the_stacks_tags_but_not_the_one_that_changes(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "hyperpod")
    tags = {each["Key"]: each["Value"] for each in wanted(registered(cluster, resolved)[0])["Tags"]}
    assert tags["llmstrat:stack"] == "tiny-dev"
    assert tags["llmstrat:tuning-job"] == f"{pretraining_of(resolved).identity}-1"
    assert "llmstrat:expires" not in tags


@pytest.mark.parametrize("storage", [FILES, OBJECTS], ids=["fsx", "s3"])
def test_cloud_controls_document_is_a_call_that_sagemaker_takes(tmp_path: Path, storage: dict[str, Any]) -> None:
    options = {"ami": "ami-0123456789abcdef0"}
    plan = {"capacity": "training-plan", "reservation": PLAN_ARN, "zone": "us-east-1b"}
    document = wanted(made(tmp_path, options=options, **plan, **storage))
    for group in document["InstanceGroups"]:
        assert set(group) <= GROUP_PROPERTIES
        for disk in group.get("InstanceStorageConfigs", ()):
            # FSx's own, instead of the mock's.
            lustre = disk.get("FsxLustreConfig", {})
            lustre |= {"DnsName": "fs-0123456789abcdef0.fsx.us-east-1.amazonaws.com", "MountName": "abcdefgh"}
    shape = get_session().get_service_model("sagemaker").operation_model("CreateCluster").input_shape
    report = ParamValidator().validate(document, shape)
    assert not report.has_errors(), report.generate_report()
    assert document["InstanceGroups"][1]["TrainingPlanArn"] == PLAN_ARN
    known = set(get_session().get_service_model("sagemaker").shape_for("ClusterInstanceType").enum)
    assert {each["InstanceType"] for each in document["InstanceGroups"]} <= known


def test_workers_have_a_disk_of_their_own_and_the_file_system(tmp_path: Path) -> None:
    controller, workers = groups(made(tmp_path, options={"volume_gb": 800}, **FILES))
    disk, lustre = workers["InstanceStorageConfigs"]
    assert disk == {"EbsVolumeConfig": {"VolumeSizeInGB": 800}}
    assert lustre["FsxLustreConfig"]["MountPath"] == "/fsx"
    assert "InstanceStorageConfigs" not in controller


def test_one_node_alone_is_tested_alone_and_needs_one_address(tmp_path: Path) -> None:
    _, workers = groups(made(tmp_path, instance="ml.g6e.xlarge", nodes=1))
    assert workers["OnStartDeepHealthChecks"] == ["InstanceStress"]
    assert "NetworkInterface" not in workers


def test_what_hyperpod_does_by_itself_can_be_left_out(tmp_path: Path) -> None:
    deployed = made(tmp_path, options={"deep_health_checks": False, "replace_nodes": False})
    assert wanted(deployed)["NodeRecovery"] == "None"
    assert "OnStartDeepHealthChecks" not in groups(deployed)[1]


def test_the_nodes_files_are_there_before_the_cluster(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "hyperpod")
    deployed, _ = registered(cluster, resolved)
    key = f"{pretraining_of(resolved).identity}-1"
    begin = [each for each in deployed.of(OBJECT) if f"pretraining/{key}/lifecycle/" in each.inputs["key"]]
    assert {each.inputs["key"].rpartition("/")[2] for each in begin} == set(LIFECYCLE)
    needed = deployed.one(CLUSTER).dependencies
    assert {f"{each.type}::{each.name}" for each in deployed.of(OBJECT)} <= needed
    assert {f"{POLICY}::cluster-controller", f"{POLICY}::cluster-workers"} <= needed
    for group in groups(deployed):
        assert group["LifeCycleConfig"]["SourceS3Uri"].endswith(f"/pretraining/{key}/lifecycle/")


def test_no_secret_is_in_what_the_nodes_read(tmp_path: Path) -> None:
    deployed, _ = registered(cluster, resolve(tmp_path, "hyperpod", **FILES), token=True)
    (environment,) = [each for each in deployed.of(OBJECT) if each.inputs["key"].endswith("/lifecycle/env")]
    lines = dict(line.removeprefix("export ").split("=", 1) for line in environment.inputs["content"].splitlines())
    assert "secret:hf-token" in lines["LLMSTRAT_TOKEN_SECRET"]
    assert lines["LLMSTRAT_CORPUS"] == "/fsx/corpus"
    assert lines["LLMSTRAT_NODES"] == "2"
    assert lines["LLMSTRAT_EFA"] == "1"
    assert not [name for name in lines if "HF" in name]


def test_only_the_controller_may_delete_clusters_and_only_the_stacks(tmp_path: Path) -> None:
    deployed = made(tmp_path)
    controller = statements(deployed.one(POLICY, "cluster-controller"))
    (deleting,) = [each for each in controller if "sagemaker:DeleteCluster" in each["Action"]]
    assert deleting["Resource"] == ["arn:aws:sagemaker:us-east-1:123456789012:cluster/*"]
    assert deleting["Condition"] == {"StringEquals": {"aws:ResourceTag/llmstrat:stack": "tiny-dev"}}
    workers = json.dumps(statements(deployed.one(POLICY, "cluster-workers")))
    assert "sagemaker:" not in workers
    assert "ecr:BatchGetImage" in workers
    kept = made(tmp_path, options={"delete_when_over": False})
    assert "DeleteCluster" not in json.dumps(statements(kept.one(POLICY, "cluster-controller")))


def test_no_action_is_a_pattern_and_few_resources_are(tmp_path: Path) -> None:
    deployed = made(tmp_path)
    unbound = ("cloudwatch:PutMetricData", "ecr:GetAuthorizationToken", "ec2:DeleteNetworkInterfacePermission")
    for policy in ("cluster-controller", "cluster-workers"):
        for each in statements(deployed.one(POLICY, policy)):
            assert not any("*" in action for action in each["Action"])
            if "*" in each["Resource"]:
                free = ("ec2:Describe", "ssm:", "ssmmessages:")
                assert all(action in unbound or action.startswith(free) for action in each["Action"])


def test_another_job_has_another_cluster_and_the_first_goes_before(tmp_path: Path) -> None:
    """Hardly anybody has a quota for both."""
    resolved = resolve(tmp_path, "hyperpod")
    first, _ = registered(cluster, resolved)
    second, _ = registered(cluster, resolved, TuningState(None, None, attempt=2))
    assert first.one(CLUSTER).name == second.one(CLUSTER).name
    assert first.one(CLUSTER).delete_before_replace
    assert wanted(first)["ClusterName"] != wanted(second)["ClusterName"]


def test_cluster_and_file_system_end_with_the_stack(tmp_path: Path) -> None:
    deployed = made(tmp_path, options={"max_duration": "300d"}, **FILES)
    stop, files = (each.inputs for each in deployed.of(SCHEDULE))
    assert stop["target"]["arn"].endswith(":aws-sdk:sagemaker:deleteCluster")
    assert json.loads(stop["target"]["input"]) == {"ClusterName": wanted(deployed)["ClusterName"]}
    assert files["target"]["arn"].endswith(":aws-sdk:fsx:deleteFileSystem")
    expiry = json.dumps(statements(deployed.one(POLICY, "cluster-expiry")))
    assert "sagemaker:DeleteCluster" in expiry


def test_the_jobs_own_time_ends_it_even_if_the_stack_never_does(tmp_path: Path) -> None:
    (stop,) = made(tmp_path, ttl="never", **OBJECTS).of(SCHEDULE)
    assert stop.inputs["scheduleExpression"] < at_expression(EXPIRES)


def test_a_plan_that_begins_in_weeks_isnt_cut_short(tmp_path: Path) -> None:
    plan = {"capacity": "training-plan", "reservation": PLAN_ARN, "zone": "us-east-1b"} | OBJECTS
    (stop,) = made(tmp_path, **plan).of(SCHEDULE)
    assert stop.inputs["scheduleExpression"] == at_expression(EXPIRES)
    assert not made(tmp_path, ttl="never", **plan).of(SCHEDULE)


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED])
def test_a_job_that_is_over_leaves_its_log_alone(tmp_path: Path, state: JobState) -> None:
    resolved = resolve(tmp_path, "hyperpod")
    deployed, _ = registered(cluster, resolved, TuningState(known_job(resolved, state)))
    assert set(counted(deployed)) == {"llmstrat:hyperpod:Cluster", "aws:cloudwatch/logGroup:LogGroup"}


@pytest.mark.parametrize("storage", [FILES, OBJECTS], ids=["fsx", "s3"])
@pytest.mark.parametrize("ttl", ["30d", "never"])
def test_the_outline_is_what_is_registered(tmp_path: Path, storage: dict[str, Any], ttl: str) -> None:
    resolved = resolve(tmp_path, "hyperpod", ttl=ttl, **storage)
    runtime = pretraining_of(resolved).runtime
    assert runtime.plan_cluster is not None
    deployed, _ = registered(cluster, resolved)
    assert planned(runtime.plan_cluster(pretraining_of(resolved)).resources) == counted(deployed)


def test_two_thousand_nodes_are_as_many_resources_as_two(tmp_path: Path) -> None:
    counts, sizes = [], []
    for nodes in (2, 2000):
        deployed = made(tmp_path, nodes=nodes, trainer={"batch_sequences": 16_000})
        counts.append(counted(deployed))
        sizes.append(len(json.dumps(wanted(deployed))))
    assert counts[0] == counts[1]
    assert sizes[1] - sizes[0] == len("2000") - len("2")
