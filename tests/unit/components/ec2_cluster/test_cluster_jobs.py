"""The cluster's jobs: in a folder of their own, with what a cluster says of itself."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error
from ec2_cluster_kit import resolve

from llmstrat_iac.components.ec2.jobs import Ec2Jobs, open_jobs
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobState

KEY = "0123456789ab-2"
STATUS = {
    "state": "running", "started": "2026-11-24T10:00:00Z", "attempt": 1, "step": 25, "total_steps": 100,
    "metrics": {}, "nodes": 2, "loss": 3.5, "tokens_per_second": 120_000.0,
}  # fmt: skip


def jobs(
    folder: Path, status: dict[str, Any] | None, *, desired: int = 2, instances: int = 2
) -> tuple[Ec2Jobs, FakeAccount]:
    def read(Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket.startswith("tiny-dev-artifacts-")
        if Key != f"pretraining/{KEY}/status.json" or status is None:
            raise error("NoSuchKey")
        return {"Body": io.BytesIO(json.dumps(status).encode())}

    def listed(Bucket: str, Prefix: str, Delimiter: str) -> dict[str, Any]:
        assert (Prefix, Delimiter) == ("pretraining/", "/")
        return {"CommonPrefixes": [{"Prefix": f"pretraining/{KEY}/"}]}

    at, tags = datetime(2026, 11, 24, 10, tzinfo=UTC), [{"Key": "llmstrat:tuning-job", "Value": KEY}]
    running = [
        {"InstanceId": f"i-{number}", "Tags": tags, "LaunchTime": at, "State": {"Name": "running"}}
        for number in range(instances)
    ]
    group = {
        "AutoScalingGroupName": f"tiny-dev-cluster-{KEY}", "DesiredCapacity": desired, "Tags": tags, "CreatedTime": at,
    }  # fmt: skip
    account = FakeAccount(
        {
            "sts": {"get_caller_identity": {"Account": "123456789012"}},
            "s3": {"list_objects_v2": listed, "get_object": read},
            "ec2": {"describe_instances": {"Reservations": [{"Instances": running}]}},
            "autoscaling": {"describe_auto_scaling_groups": {"AutoScalingGroups": [group]}},
            "logs": {"filter_log_events": {"events": []}},
        }
    )
    return open_jobs(resolve(folder), account, Target(), {}), account


def test_a_job_says_how_far_and_how_fast_it_is(tmp_path: Path) -> None:
    [job] = jobs(tmp_path, STATUS)[0].list()
    assert (job.identity, job.attempt, job.state, job.progress) == ("0123456789ab", 2, JobState.RUNNING, 0.25)
    assert job.metrics == {"nodes": 2.0, "loss": 3.5, "tokens_per_second": 120_000.0}
    assert job.name == f"tiny-dev-cluster-{KEY}"


def test_nodes_that_only_start_are_a_queued_job(tmp_path: Path) -> None:
    [job] = jobs(tmp_path, STATUS | {"attempt": 0})[0].list()
    assert job.state is JobState.QUEUED


def test_a_group_that_was_stopped_from_outside_has_failed(tmp_path: Path) -> None:
    [job] = jobs(tmp_path, STATUS, desired=0, instances=0)[0].list()
    assert job.state is JobState.FAILED


def test_a_finished_model_is_below_the_jobs_output(tmp_path: Path) -> None:
    [job] = jobs(tmp_path, STATUS | {"state": "completed"}, desired=0, instances=0)[0].list()
    assert job.state is JobState.COMPLETED
    assert job.model_id is not None
    assert job.model_id.endswith(f"/pretraining/{KEY}/output/")


def test_cancelling_stops_all_nodes_however_many(tmp_path: Path) -> None:
    opened, account = jobs(tmp_path, STATUS, desired=1200, instances=1200)
    opened.cancel(opened.list()[0])
    stopped = [arguments for _, operation, arguments in account.calls if operation == "terminate_instances"]
    assert [len(each["InstanceIds"]) for each in stopped] == [500, 500, 200]
    [update] = [arguments for _, operation, arguments in account.calls if operation == "update_auto_scaling_group"]
    assert (update["MinSize"], update["DesiredCapacity"]) == (0, 0)


def test_its_log_is_the_clusters(tmp_path: Path) -> None:
    opened, account = jobs(tmp_path, STATUS)
    list(opened.events(opened.list()[0]))
    [asked] = [arguments for _, operation, arguments in account.calls if operation == "filter_log_events"]
    assert asked["logGroupName"] == "/llmstrat/tiny-dev/cluster"
    assert asked["logStreamNamePrefix"] == f"{KEY}/"


@pytest.mark.parametrize("metrics", [{"loss": 3.0, "training_loss": 3.1}])
def test_the_trainers_own_metrics_are_kept(metrics: dict[str, float], tmp_path: Path) -> None:
    [job] = jobs(tmp_path, STATUS | {"metrics": metrics})[0].list()
    assert job.metrics["training_loss"] == 3.1
    assert job.metrics["loss"] == 3.5
