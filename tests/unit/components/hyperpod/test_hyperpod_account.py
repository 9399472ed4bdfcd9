"""What is asked of plan and account for a HyperPod cluster: what fits, how far jobs are, what is left."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from managed_cluster_kit import PLAN_ARN, STACK, pretraining_of, resolve
from sagemaker_fakes import Client, Session, refusal

from llmstrat_iac.catalog.instances import instances
from llmstrat_iac.components.hyperpod.jobs import HyperPodJobs
from llmstrat_iac.components.hyperpod.permissions import permissions
from llmstrat_iac.components.hyperpod.preflight import preflight
from llmstrat_iac.components.hyperpod.sweep import sweep
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.runtimes.hyperpod.outline import MAX_INSTANCES, NOT_IN_CLUSTERS
from llmstrat_iac.tuning import JobState, TuningJob

KEY = "0123456789ab-1"
NAME = f"{STACK}-hyperpod-{KEY}"
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


def shape(name: str) -> Any:
    return get_session().get_service_model("sagemaker").shape_for(name)


def test_the_types_that_clusters_lack_and_their_size_are_the_apis() -> None:
    offered = set(shape("ClusterInstanceType").enum)
    assert {each.name for each in instances() if f"ml.{each.name}" not in offered} == set(NOT_IN_CLUSTERS)
    assert shape("ClusterInstanceCount").metadata["max"] == MAX_INSTANCES


def checked(folder: Path, **changes: Any) -> list[Finding]:
    pretraining = pretraining_of(resolve(folder, "hyperpod", **changes))
    assert pretraining.runtime.plan_cluster is not None
    found = pretraining.runtime.plan_cluster(pretraining).findings
    return [each for each in found if each.rule.startswith(("hyperpod", "sagemaker"))]


def test_a_usual_cluster_needs_no_word(tmp_path: Path) -> None:
    assert checked(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "rule", "severity"),
    [
        ({"instance": "p3.16xlarge"}, "hyperpod.instance", Severity.ERROR),
        ({"nodes": 6758, "spare_nodes": 1}, "hyperpod.size", Severity.ERROR),
        ({"capacity": "training-plan", "reservation": "cr-1"}, "sagemaker.training-plan", Severity.ERROR),
        ({"options": {"delete_when_over": False}}, "hyperpod.idle", Severity.WARNING),
        ({"options": {"replace_nodes": False}}, "hyperpod.recovery", Severity.WARNING),
    ],
)
def test_what_cannot_work_or_costs_more_than_it_looks(
    tmp_path: Path, changes: dict[str, Any], rule: str, severity: Severity
) -> None:
    (finding,) = checked(tmp_path, trainer={"batch_sequences": 54_064}, **changes)
    assert (finding.rule, finding.severity) == (rule, severity)
    assert finding.remedy


def test_the_workers_count_as_clusters_do(tmp_path: Path) -> None:
    pretraining = pretraining_of(resolve(tmp_path, "hyperpod"))
    (need,) = pretraining.runtime.quotas("cluster", pretraining.plan.instance, 9, "on-demand")
    assert (need.name, need.path, need.need) == ("ml.p5.48xlarge for cluster usage", "cluster.instance", 9.0)


def test_the_quotas_beyond_the_workers_are_asked_for(tmp_path: Path) -> None:
    def quota(QuotaCode: str, **_: str) -> dict[str, Any]:
        return {
            "Quota": {"QuotaCode": QuotaCode, "Value": {"L-2CE978FC": 20.0, "L-E13DF72A": 1024.0}.get(QuotaCode, 1)}
        }

    known = {"QuotaName": "ml.m5.2xlarge for cluster usage", "QuotaCode": "L-193F5799"}
    session = Session(
        ecr=Client(batch_get_image={"images": [{}]}),
        service_quotas=Client(get_service_quota=quota, list_aws_default_service_quotas={"Quotas": [known]}),
    )
    found = list(preflight(resolve(tmp_path, "hyperpod", nodes=16, options={"volume_gb": 2000}), session))
    by_path = {(each.path, each.severity) for each in found}
    assert by_path == {
        ("cluster.options.controller", Severity.INFO),
        ("cluster.nodes", Severity.INFO),
        ("cluster.nodes", Severity.ERROR),
        ("cluster.options.volume_gb", Severity.ERROR),
    }
    (total,) = [each for each in found if (each.path, each.severity) == ("cluster.nodes", Severity.ERROR)]
    assert "L-3308CCC7" in total.message
    assert "17 are needed" in total.message, "the controller counts, too"


def test_deploying_needs_named_actions(tmp_path: Path) -> None:
    plan = {"capacity": "training-plan", "reservation": PLAN_ARN, "zone": "us-east-1b"}
    found = list(permissions(resolve(tmp_path, "hyperpod", **plan)))
    for each in found:
        assert each.reason
        assert not any("*" in action for action in each.actions)
        if "*" in each.resources:
            assert "no resource" in each.reason
    actions = {action for each in found for action in each.actions}
    wanted = {"sagemaker:CreateCluster", "cloudformation:CreateResource", "iam:CreateServiceLinkedRole"}
    assert wanted | {"ec2:CreateNatGateway", "fsx:CreateFileSystem", "sagemaker:DescribeTrainingPlan"} <= actions
    known = set(get_session().get_service_model("sagemaker").operation_names)
    assert {each.partition(":")[2] for each in actions if each.startswith("sagemaker:")} <= known


def account(
    status: dict[str, Any] | None, cluster: str | None = "InService", *, stack: str = STACK, **objects: Any
) -> tuple[Session, Client]:
    """The stack's bucket with one job, and its cluster in a state."""
    summary = {"ClusterName": NAME, "ClusterArn": "arn:c", "ClusterStatus": cluster, "CreationTime": START}
    tags = {"llmstrat:stack": stack, "llmstrat:tuning-job": KEY}
    client = Client(
        list_clusters={"ClusterSummaries": [summary] if cluster else []},
        list_tags={"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
        describe_cluster={"FailureMessage": "worker.sh: the file system isn't mounted"},
    )

    def read(Key: str, **_: str) -> dict[str, Any]:
        document = {"status.json": status, **objects}.get(Key.removeprefix(f"pretraining/{KEY}/"))
        if document is None:
            raise refusal("NoSuchKey")
        return {"Body": io.BytesIO(json.dumps(document).encode())}

    prefixes = [{"Prefix": f"pretraining/{KEY}/"}]
    s3 = Client(get_object=read, list_objects_v2={"CommonPrefixes": prefixes})
    sts = Client(get_caller_identity={"Account": "123456789012"})
    return Session(sagemaker=client, s3=s3, sts=sts), client


def only(session: Session) -> TuningJob:
    (job,) = HyperPodJobs(STACK, "us-east-1", session).list()
    return job


RUNNING = {"state": "running", "attempt": 1, "step": 25, "total_steps": 100, "tokens_per_second": 9.5, "loss": 2.5}


@pytest.mark.parametrize(
    ("status", "cluster", "state"),
    [
        (None, "Creating", JobState.QUEUED),
        (RUNNING, "InService", JobState.RUNNING),
        (RUNNING, "Updating", JobState.RUNNING),
        (RUNNING, "Deleting", JobState.FAILED),
        (RUNNING, None, JobState.FAILED),
        (RUNNING | {"state": "completed"}, None, JobState.COMPLETED),
        (RUNNING | {"state": "failed", "failure": "the gate"}, "Deleting", JobState.FAILED),
    ],
)
def test_a_job_is_as_far_as_its_status_and_its_cluster_say(
    status: dict[str, Any] | None, cluster: str | None, state: JobState
) -> None:
    job = only(account(status, cluster)[0])
    assert (job.state, job.name, job.inputs["key"]) == (state, NAME, KEY)
    if state is JobState.COMPLETED:
        assert job.model_id is not None
        assert job.model_id.endswith(f"/pretraining/{KEY}/output/")


def test_a_cluster_that_couldnt_begin_says_why() -> None:
    assert only(account(None, "Failed")[0]).failure == (
        "the cluster has failed: worker.sh: the file system isn't mounted"
    )


def test_cancelling_marks_the_job_and_deletes_the_cluster() -> None:
    session, client = account(RUNNING)
    jobs = HyperPodJobs(STACK, "us-east-1", session)
    jobs.cancel(only(session))
    (mark,) = [asked for name, asked in session.client("s3").calls if name == "put_object"]
    assert mark["Key"] == f"pretraining/{KEY}/cancelled.json"
    assert ("delete_cluster", {"ClusterName": NAME}) in client.calls
    assert only(account(RUNNING, "Deleting", **{"cancelled.json": {}})[0]).state is JobState.CANCELLED


def test_a_cluster_that_is_gone_already_is_cancelled_all_the_same() -> None:
    session, _ = account(RUNNING)
    gone = Client(list_clusters={"ClusterSummaries": []}, delete_cluster=refusal("ResourceNotFound"))
    job = only(session)
    HyperPodJobs(
        STACK, "us-east-1", Session(sagemaker=gone, s3=session.client("s3"), sts=session.client("sts"))
    ).cancel(job)


def test_the_sweep_finds_clusters_by_tag_and_the_logs_that_hyperpod_makes() -> None:
    session, client = account(None)
    name = f"/aws/sagemaker/Clusters/{NAME}/abcdefghijkl"
    other = f"/aws/sagemaker/Clusters/{STACK}-hyperpod-dev-hyperpod-{KEY}/abcdefghijkl"
    logs = Client(describe_log_groups={"logGroups": [{"logGroupName": name}, {"logGroupName": other}]})
    found = list(sweep(STACK, Session(sagemaker=client, logs=logs), remove=True))
    assert [(each.type, each.id, each.billed, each.removed) for each in found] == [
        ("hyperpod cluster", NAME, True, True),
        ("log group", name, True, True),
    ]
    assert ("describe_log_groups", {"logGroupNamePrefix": f"/aws/sagemaker/Clusters/{STACK}-hyperpod-"}) in logs.calls
    assert session is not None


def test_other_stacks_clusters_and_those_that_go_already_are_left_alone() -> None:
    for found in (account(None, stack="other-dev"), account(None, "Deleting")):
        assert [each.type for each in sweep(STACK, found[0], remove=True) if each.billed] == []
        assert not [name for name, _ in found[1].calls if name == "delete_cluster"]


def test_boto_pages_through_clusters() -> None:
    import boto3

    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    assert client.can_paginate("list_clusters")
