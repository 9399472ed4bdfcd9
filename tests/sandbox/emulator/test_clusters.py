"""HyperPod in the emulator: clusters that take their time, nodes that are replaced, and the controller's job."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from compute_kit import Place, make_place
from pretraining_job import PretrainingJob, make_pretraining_job
from quota_kit import set_quotas
from sandbox_kit import Clients, clients, eventually, standing_time
from tuning_kit import role

from llmstrat_iac.sandbox.jobs import job_seconds

TYPE = "AWS::SageMaker::Cluster"


@pytest.fixture(scope="module")
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


def groups(execution: str, *, nodes: int = 2, **more: Any) -> list[dict[str, Any]]:
    """A controller and workers, with more for both."""
    kinds = {
        "controller": ("ml.m5.2xlarge", 1, {"NodeType": "Controller"}),
        "workers": ("ml.p4d.24xlarge", nodes, {"NodeType": "Compute", "PartitionNames": ["train"]}),
    }
    return [
        {
            "InstanceGroupName": name, "InstanceType": kind, "InstanceCount": count, "SlurmConfig": slurm,
            "ExecutionRole": execution, **more,
        }
        for name, (kind, count, slurm) in kinds.items()
    ]  # fmt: skip


def asked(place: Place, *, name: str = "cluster", nodes: int = 2, **more: Any) -> dict[str, Any]:
    """The arguments of a cluster, of whose groups `more` are members."""
    return {
        "ClusterName": f"{uuid4().hex[:8]}-{name}",
        "Orchestrator": {"Slurm": {"SlurmConfigStrategy": "Managed"}},
        "VpcConfig": {"Subnets": place.subnets[:1], "SecurityGroupIds": [place.group]},
        "InstanceGroups": groups(role(place.clients, "sagemaker.amazonaws.com"), nodes=nodes, **more),
    }


def status(place: Place, name: str) -> str:
    try:
        return str(place.clients("sagemaker").describe_cluster(ClusterName=name)["ClusterStatus"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFound":
            return "gone"
        raise


def in_service(place: Place, arguments: dict[str, Any]) -> str:
    """A cluster that is in service; its name."""
    name = str(arguments["ClusterName"])
    place.clients("sagemaker").create_cluster(**arguments)
    seen: list[str] = []

    def settled() -> bool:
        # One look: whoever has seen it in service has set off its job, which may end it.
        seen.append(status(place, name))
        return seen[-1] != "Creating"

    assert eventually(settled)
    assert seen[-1] == "InService"
    return name


def nodes(place: Place, name: str) -> dict[str, str]:
    """Workers' ids, each with its state."""
    found = place.clients("sagemaker").list_cluster_nodes(ClusterName=name, InstanceGroupNameContains="workers")
    return {each["InstanceId"]: each["InstanceStatus"]["Status"] for each in found["ClusterNodeSummaries"]}


def delete(place: Place, name: str) -> None:
    place.clients("sagemaker").delete_cluster(ClusterName=name)
    assert eventually(lambda: status(place, name) == "gone")


def submitted(place: Place, job: PretrainingJob, name: str, **variables: str) -> dict[str, Any]:
    """A cluster whose controller submits a job."""
    known = {"LLMSTRAT_JOB_URI": job.uri, "LLMSTRAT_NODES": "2", "LLMSTRAT_DELETE": "1", **variables}
    job.write("lifecycle/env", "".join(f"export {key}='{value}'\n" for key, value in known.items()))
    job.write("lifecycle/controller.sh", "#!/bin/sh\n")
    begin = {"SourceS3Uri": f"{job.uri}/lifecycle/", "OnInitComplete": "controller.sh"}
    return asked(place, name=name, LifeCycleConfig=begin)


def test_upstream_still_keeps_a_document_only(plain_emulator_url: str) -> None:
    made = clients(plain_emulator_url)("cloudcontrol").create_resource(TypeName=TYPE, DesiredState="{}")
    assert made["ProgressEvent"]["OperationStatus"] == "SUCCESS", "plain ministack now looks into clusters: compare"


def test_a_cluster_holds_its_subnet_from_creation_to_its_end(emulator_url: str, aws: Clients) -> None:
    place = make_place(emulator_url, aws)
    name = in_service(place, asked(place))
    told = aws("sagemaker").describe_cluster(ClusterName=name)
    counts = {each["InstanceGroupName"]: (each["CurrentCount"], each["TargetCount"]) for each in told["InstanceGroups"]}
    assert counts == {"controller": (1, 1), "workers": (2, 2)}
    with pytest.raises(ClientError, match="DependencyViolation"):
        place.ec2.delete_subnet(SubnetId=place.subnets[0])
    delete(place, name)
    place.ec2.delete_subnet(SubnetId=place.subnets[0])


def test_groups_grow_and_types_stay(place: Place) -> None:
    arguments = asked(place)
    name, client = in_service(place, arguments), place.clients("sagemaker")
    before = set(nodes(place, name))
    wanted = groups(arguments["InstanceGroups"][0]["ExecutionRole"], nodes=3)
    with standing_time():
        client.update_cluster(ClusterName=name, InstanceGroups=wanted)
        with pytest.raises(ClientError, match="can't be updated"):
            client.update_cluster(ClusterName=name, InstanceGroups=wanted)
    assert eventually(lambda: status(place, name) == "InService")
    assert before < set(nodes(place, name))
    with pytest.raises(ClientError, match="can't be changed"):
        client.update_cluster(ClusterName=name, InstanceGroups=[{**wanted[1], "InstanceType": "ml.p5.48xlarge"}])
    delete(place, name)


@pytest.mark.parametrize(("recovery", "replaced"), [("Automatic", True), ("None", False)])
def test_a_node_that_breaks_is_replaced_if_the_cluster_recovers(place: Place, recovery: str, replaced: bool) -> None:
    name = in_service(place, {**asked(place), "NodeRecovery": recovery})
    broken, *others = nodes(place, name)
    client = place.clients("sagemaker")
    told = client.batch_replace_cluster_nodes(ClusterName=name, NodeIds=[broken, "i-0123456789abcdef0"])
    assert (told["Successful"], told["Failed"][0]["ErrorCode"]) == ([broken], "InstanceIdNotFound")
    if not replaced:
        assert nodes(place, name)[broken] == "Failure"
    else:
        assert eventually(lambda: broken not in nodes(place, name))
        assert set(others) < set(nodes(place, name))
    delete(place, name)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"InstanceGroups": None}, "At least one instance group"),
        ({"VpcConfig": {"Subnets": ["subnet-0123456789abcdef0"], "SecurityGroupIds": ["sg-1"]}}, "does not exist"),
        ({"ClusterName": "fault-quota"}, "limit of clusters"),
        ({"NodeRecovery": "Sometimes"}, "enum"),
    ],
)
def test_what_sagemaker_refuses_is_refused(place: Place, change: dict[str, Any], refusal: str) -> None:
    wanted = {key: value for key, value in {**asked(place), **change}.items() if value is not None}
    with pytest.raises(ClientError, match=refusal):
        place.clients("sagemaker").create_cluster(**wanted)


@pytest.mark.parametrize(("drop", "refusal"), [(0, "Exactly one Controller"), (1, "At least one Compute")])
def test_slurm_needs_a_controller_and_workers(place: Place, drop: int, refusal: str) -> None:
    arguments = asked(place)
    del arguments["InstanceGroups"][drop]
    with pytest.raises(ClientError, match=refusal):
        place.clients("sagemaker").create_cluster(**arguments)


def test_quotas_count_what_other_clusters_have(emulator_url: str, place: Place) -> None:
    # A type of its own: a cluster that another test has left behind doesn't count.
    arguments = asked(place)
    arguments["InstanceGroups"][1]["InstanceType"] = "ml.p5e.48xlarge"
    set_quotas(emulator_url, {"ml.p5e.48xlarge for cluster usage": 3})
    try:
        name = in_service(place, arguments)
        with pytest.raises(ClientError, match=r"'ml\.p5e\.48xlarge for cluster usage' is 3 Instances"):
            place.clients("sagemaker").create_cluster(**{**arguments, "ClusterName": f"{name}-2"})
        delete(place, name)
    finally:
        set_quotas(emulator_url, {})


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("fault-capacity", {}, "sufficient capacity"),
        ("c", {"LifeCycleConfig": {"SourceS3Uri": "s3://absent/x/", "OnInitComplete": "run.sh"}}, "run.sh isn't there"),
        (
            "c",
            {
                "InstanceStorageConfigs": [
                    {"FsxLustreConfig": {"DnsName": "fs-0123456789.fsx.us-east-1.amazonaws.com", "MountName": "abc"}}
                ]
            },
            "can't be mounted",
        ),
    ],
)
def test_a_cluster_whose_nodes_dont_come_up_fails(place: Place, name: str, more: dict[str, Any], reason: str) -> None:
    arguments, client = asked(place, name=name, **more), place.clients("sagemaker")
    client.create_cluster(**arguments)
    name = arguments["ClusterName"]
    assert eventually(lambda: status(place, name) == "Failed")
    assert reason in client.describe_cluster(ClusterName=name)["FailureMessage"]
    delete(place, name)


def test_the_controller_submits_its_job_and_ends_the_cluster(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    name = in_service(place, submitted(place, job, "job"))
    assert eventually(lambda: job.state == "completed")
    assert (job.read("status.json")["nodes"], job.read("gate.json")["passed"]) == (2, True)
    assert job.read("gate.json")["nodes"][0]["host"].startswith("ip-10-64-")
    assert "output/manifest.json" in job.names()
    assert eventually(lambda: status(place, name) == "gone")


def test_a_cluster_that_is_to_stay_stays(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    name = in_service(place, submitted(place, job, "job", LLMSTRAT_DELETE="0"))
    assert eventually(lambda: job.state == "completed")
    assert status(place, name) == "InService"
    delete(place, name)


def test_a_lost_node_is_replaced_and_the_job_goes_on(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    name = in_service(place, submitted(place, job, "fault-reclaim", LLMSTRAT_DELETE="0"))
    assert eventually(lambda: job.state == "completed")
    assert job.read("status.json")["attempt"] == 2
    told = place.clients("sagemaker").list_cluster_nodes(ClusterName=name)["ClusterNodeSummaries"]
    # The first three came at one moment.
    assert [len(told), len({each["LaunchTime"] for each in told})] == [3, 2]
    delete(place, name)


def test_a_slow_link_fails_the_job_and_names_a_worker(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    name = in_service(place, submitted(place, job, "fault-slow-link"))
    assert eventually(lambda: job.state == "failed")
    assert "ip-10-64-" in job.read("status.json")["failure"]
    assert eventually(lambda: status(place, name) == "gone")


def test_deleting_the_cluster_ends_the_work(place: Place) -> None:
    job = make_pretraining_job(place.clients)
    name = in_service(place, submitted(place, job, "fault-slow"))
    assert eventually(lambda: job.state == "running")
    delete(place, name)
    assert job.state == "running"
    assert not [
        each for each in place.ec2.describe_network_interfaces()["NetworkInterfaces"] if name in each["Description"]
    ]


def outcome(place: Place, event: dict[str, Any]) -> dict[str, Any]:
    """How a request of Cloud Control's ended."""
    control = place.clients("cloudcontrol")

    def look() -> dict[str, Any] | None:
        found = control.get_resource_request_status(RequestToken=event["RequestToken"])["ProgressEvent"]
        return dict(found) if found["OperationStatus"] != "IN_PROGRESS" else None

    return dict(eventually(look))


def test_cloud_control_waits_for_creation_and_for_the_end(place: Place) -> None:
    control, wanted = place.clients("cloudcontrol"), asked(place)
    wanted["Tags"] = [{"Key": "team", "Value": "a"}]
    made = outcome(place, control.create_resource(TypeName=TYPE, DesiredState=json.dumps(wanted))["ProgressEvent"])
    arn = made["Identifier"]
    assert status(place, arn) == "InService"
    told = control.get_resource(TypeName=TYPE, Identifier=arn)["ResourceDescription"]["Properties"]
    assert (json.loads(told)["ClusterName"], json.loads(told)["Tags"]) == (wanted["ClusterName"], wanted["Tags"])
    gone = outcome(place, control.delete_resource(TypeName=TYPE, Identifier=arn)["ProgressEvent"])
    assert (gone["OperationStatus"], status(place, arn)) == ("SUCCESS", "gone")


def test_a_job_doesnt_end_its_cluster_before_its_creator_has_looked(place: Place) -> None:
    job, control = make_pretraining_job(place.clients), place.clients("cloudcontrol")
    wanted = submitted(place, job, "fault-slow-link")
    begun = control.create_resource(TypeName=TYPE, DesiredState=json.dumps(wanted))["ProgressEvent"]
    time.sleep(3 * job_seconds())
    made = outcome(place, begun)
    assert made["OperationStatus"] == "SUCCESS"
    assert control.get_resource(TypeName=TYPE, Identifier=made["Identifier"])
    assert eventually(lambda: job.state == "failed")
    assert eventually(lambda: status(place, made["Identifier"]) == "gone")
