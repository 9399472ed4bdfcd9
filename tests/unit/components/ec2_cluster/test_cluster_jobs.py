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
from llmstrat_iac.components.tuning.state import read_state
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobState

KEY = "0123456789ab-2"
STATUS = {
    "state": "running", "started": "2026-11-24T10:00:00Z", "attempt": 1, "step": 25, "total_steps": 100,
    "metrics": {}, "nodes": 2, "loss": 3.5, "tokens_per_second": 120_000.0,
}  # fmt: skip


def jobs(
    folder: Path, status: dict[str, Any] | None, *, desired: int = 2, instances: int = 2, key: str = KEY
) -> tuple[Ec2Jobs, FakeAccount]:
    def read(Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket.startswith("tiny-dev-artifacts-")
        if Key != f"pretraining/{key}/status.json" or status is None:
            raise error("NoSuchKey")
        return {"Body": io.BytesIO(json.dumps(status).encode())}

    def listed(Bucket: str, Prefix: str, Delimiter: str) -> dict[str, Any]:
        assert (Prefix, Delimiter) == ("pretraining/", "/")
        return {"CommonPrefixes": [{"Prefix": f"pretraining/{key}/"}]}

    at, tags = datetime(2026, 11, 24, 10, tzinfo=UTC), [{"Key": "llmstrat:tuning-job", "Value": key}]
    running = [
        {"InstanceId": f"i-{number}", "Tags": tags, "LaunchTime": at, "State": {"Name": "running"}}
        for number in range(instances)
    ]
    group = {
        "AutoScalingGroupName": f"tiny-dev-cluster-{key}", "DesiredCapacity": desired, "Tags": tags, "CreatedTime": at,
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


def test_a_cluster_that_was_accepted_makes_no_model(tmp_path: Path) -> None:
    accepted = STATUS | {"state": "completed", "gate_only": True, "metrics": {"all_reduce_gb_s": 43.75}}
    [job] = jobs(tmp_path, accepted, desired=0, instances=0, key="gate0123abcd-2")[0].list()
    assert (job.state, job.makes_model, job.model_id) == (JobState.COMPLETED, False, None)
    assert (job.identity, job.attempt, job.metrics["all_reduce_gb_s"]) == ("gate0123abcd", 2, 43.75)


def test_a_training_under_way_isnt_ended_by_a_test_of_its_cluster(tmp_path: Path) -> None:
    """Whichever door the test comes by: both read the jobs' state first."""
    _, account = jobs(tmp_path, STATUS)
    alone = resolve(tmp_path, acceptance="only")
    with pytest.raises(LlmstratError, match="is running: a test of the cluster would end it") as refused:
        read_state(alone, account, Target(), {})
    assert "llmstrat cancel" in (refused.value.remedy or "")
    _, account = jobs(tmp_path, STATUS | {"state": "completed"}, desired=0, instances=0)
    state = read_state(alone, account, Target(), {})
    assert (state.current, state.served) == (None, state.serving)
    assert state.serving is not None


def test_a_test_under_way_is_no_obstacle_to_itself_or_another(tmp_path: Path) -> None:
    _, account = jobs(tmp_path, STATUS, key="gate0123abcd-1")
    assert read_state(resolve(tmp_path, acceptance="only"), account, Target(), {}).current is None
    assert read_state(resolve(tmp_path), account, Target(), {}).serving is None
