"""Jobs on EC2: the launcher's word, the machines' silence, and the mark of whoever has cancelled."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_fakes import FakeAccount, error

from llmstrat_iac.components.ec2.jobs import Ec2Jobs
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.tuning import JobState, TuningJob

KEY = "0123456789ab-1"
STARTED = datetime(2026, 11, 24, 10, tzinfo=UTC)
RUNNING = {
    "state": "running", "started": "2026-11-24T10:00:00Z", "updated": "2026-11-24T10:30:00Z", "finished": None,
    "attempt": 1, "step": 25, "total_steps": 100, "metrics": {"training_loss": 1.5}, "failure": None,
}  # fmt: skip


@dataclass
class Cloud:
    """A bucket, instances and groups; the calls that change something are kept."""

    objects: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    instances: list[tuple[str, str, str]] = field(default_factory=list)
    """Key, id and state."""
    groups: list[tuple[str, int]] = field(default_factory=list)
    """Key and desired capacity."""
    log: list[tuple[str, str]] = field(default_factory=list)
    """Stream and message."""
    bucket: bool = True

    def __post_init__(self) -> None:
        self.account = FakeAccount(
            {
                "sts": {"get_caller_identity": {"Account": "123456789012"}},
                "s3": {"list_objects_v2": self._listed, "get_object": self._read, "put_object": self._put},
                "ec2": {"describe_instances": self._instances},
                "autoscaling": {"describe_auto_scaling_groups": self._groups},
                "logs": {"filter_log_events": self._events},
            }
        )
        self.jobs = Ec2Jobs("support-dev", "us-east-1", self.account)

    def one(self) -> TuningJob:
        [job] = self.jobs.list()
        return job

    def _listed(self, Bucket: str, Prefix: str, Delimiter: str) -> dict[str, Any]:
        assert (Bucket.startswith("support-dev-artifacts-"), Prefix, Delimiter) == (True, "training/", "/")
        if not self.bucket:
            raise error("NoSuchBucket")
        keys = {name.split("/")[1] for name in self.objects}
        return {"CommonPrefixes": [{"Prefix": f"training/{key}/"} for key in sorted(keys)]}

    def _read(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise error("NoSuchKey" if self.bucket else "NoSuchBucket")
        return {"Body": io.BytesIO(json.dumps(self.objects[Key]).encode())}

    def _put(self, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:
        self.objects[Key] = json.loads(Body)
        return {}

    def _instances(self, Filters: list[dict[str, Any]]) -> dict[str, Any]:
        assert {each["Name"]: each["Values"] for each in Filters}["tag:llmstrat:stack"] == ["support-dev"]
        found = [
            {"InstanceId": identity, "State": {"Name": state}, "LaunchTime": STARTED, "Tags": _tags(key)}
            for key, identity, state in self.instances
        ]
        return {"Reservations": [{"Instances": found}]}

    def _groups(self, Filters: list[dict[str, Any]]) -> dict[str, Any]:
        found = [
            {
                "AutoScalingGroupName": f"support-dev-training-{key}",
                "DesiredCapacity": desired,
                "CreatedTime": STARTED,
                "Tags": _tags(key),
            }
            for key, desired in self.groups
        ]
        fleet = {"AutoScalingGroupName": "support-dev-fleet", "DesiredCapacity": 1, "CreatedTime": STARTED, "Tags": []}
        return {"AutoScalingGroups": [*found, fleet]}

    def _events(self, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:
        assert logGroupName == "/llmstrat/support-dev/training"
        lines = [text for stream, text in self.log if stream.startswith(logStreamNamePrefix)]
        return {
            "events": [{"timestamp": 1_764_000_000_000 + number, "message": text} for number, text in enumerate(lines)]
        }


def _tags(key: str) -> list[dict[str, str]]:
    return [{"Key": "llmstrat:stack", "Value": "support-dev"}, {"Key": "llmstrat:tuning-job", "Value": key}]


def status(**changes: Any) -> dict[str, Mapping[str, Any]]:
    return {f"training/{KEY}/status.json": RUNNING | changes}


def test_a_stack_without_a_bucket_has_no_jobs() -> None:
    assert Cloud(bucket=False).jobs.list() == ()


def test_files_that_nothing_has_run_are_no_job() -> None:
    """An `up` that got no instance leaves them; the next one tries again under the same key."""
    assert Cloud(objects={f"training/{KEY}/code/launch.py": {}}).jobs.list() == ()


def test_a_running_job_is_as_far_as_it_says() -> None:
    job = Cloud(status(), [(KEY, "i-1", "running")]).one()
    assert (job.identity, job.attempt, job.name) == ("0123456789ab", 1, f"support-dev-training-{KEY}")
    assert (job.state, job.progress, job.metrics) == (JobState.RUNNING, 0.25, {"training_loss": 1.5})
    assert job.created == STARTED
    assert job.model_id is None


@pytest.mark.parametrize("objects", [{}, status(attempt=0, step=0, total_steps=0)])
def test_until_the_launcher_begins_it_is_queued(objects: dict[str, Mapping[str, Any]]) -> None:
    job = Cloud(objects, [(KEY, "i-1", "pending")]).one()
    assert (job.state, job.progress, job.created) == (JobState.QUEUED, None, STARTED)


def test_a_completed_job_names_its_model_and_its_rank() -> None:
    manifest = {f"training/{KEY}/output/manifest.json": {"rank": 16, "adapter": True}}
    job = Cloud(status(state="completed", finished="2026-11-24T12:00:00Z") | manifest).one()
    assert (job.state, job.progress) == (JobState.COMPLETED, 1.0)
    assert job.model_id is not None
    assert job.model_id.endswith(f"/training/{KEY}/output/")
    assert job.model_id.startswith("s3://support-dev-artifacts-")
    assert job.inputs == {"key": KEY, "rank": "16"}
    assert job.finished == datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_full_weights_have_no_rank() -> None:
    manifest = {f"training/{KEY}/output/manifest.json": {"rank": None, "adapter": False}}
    assert Cloud(status(state="completed") | manifest).one().inputs == {"key": KEY}


@pytest.mark.parametrize("state", ["terminated", "stopped"])
def test_a_job_whose_instance_is_gone_has_failed(state: str) -> None:
    job = Cloud(status(), [(KEY, "i-1", state)]).one()
    assert job.state is JobState.FAILED
    assert job.failure == "the instance ended before the job did: terminated from outside, or the stack's time was over"


def test_the_same_when_nothing_knows_the_instance_any_more() -> None:
    assert Cloud(status()).one().state is JobState.FAILED
    before = Cloud(status(attempt=0)).one()
    assert (before.state, before.failure) == (
        JobState.FAILED, "the instance ended before the job had begun: its log says why",
    )  # fmt: skip


def test_a_reclaimed_spot_instance_is_waited_for() -> None:
    assert Cloud(status(), [(KEY, "i-1", "terminated")], [(KEY, 1)]).one().state is JobState.RUNNING
    assert Cloud({}, [], [(KEY, 1)]).one().state is JobState.QUEUED
    assert Cloud(status(), [(KEY, "i-1", "terminated")], [(KEY, 0)]).one().state is JobState.FAILED


def test_a_failure_is_told_in_the_launchers_words() -> None:
    job = Cloud(status(state="failed", failure="CUDA out of memory")).one()
    assert (job.state, job.failure) == (JobState.FAILED, "CUDA out of memory")


def test_cancelling_stops_what_runs_and_what_would_bring_it_back() -> None:
    cloud = Cloud(status(), [(KEY, "i-1", "running"), ("other-1", "i-2", "running")], [(KEY, 1)])
    job = next(each for each in cloud.jobs.list() if each.inputs["key"] == KEY)
    cloud.jobs.cancel(job)
    changes = [call for call in cloud.account.calls if call[1].startswith(("update", "terminate"))]
    assert changes == [
        (
            "autoscaling",
            "update_auto_scaling_group",
            {
                "AutoScalingGroupName": f"support-dev-training-{KEY}",
                "MinSize": 0,
                "MaxSize": 0,
                "DesiredCapacity": 0,
            },
        ),
        ("ec2", "terminate_instances", {"InstanceIds": ["i-1"]}),
    ]


def test_a_cancelled_job_stays_cancelled_whatever_the_launcher_writes_as_it_stops() -> None:
    cloud = Cloud(status(), [(KEY, "i-1", "running")])
    cloud.jobs.cancel(cloud.one())
    cloud.objects |= status(state="running", step=26)
    assert cloud.one().state is JobState.CANCELLED
    cloud.objects |= status(state="completed")
    assert cloud.one().state is JobState.COMPLETED


def test_the_log_is_the_jobs_own_and_ends_with_the_reason() -> None:
    cloud = Cloud(
        status(state="failed", failure="no space left"),
        log=[(f"{KEY}/i-1", "step 1\n"), ("other-1/i-2", "not ours"), (f"{KEY}/i-3", "step 2")],
    )
    events = list(cloud.jobs.events(cloud.one()))
    assert [(event.level, event.message) for event in events] == [
        ("info", f"support-dev-training-{KEY} began"),
        ("info", "step 1"), ("info", "step 2"), ("error", "no space left"),
    ]  # fmt: skip


def test_what_aws_refuses_is_said_not_taken_for_nothing() -> None:
    account = FakeAccount(
        {
            "sts": {"get_caller_identity": {"Account": "1"}},
            "ec2": {"describe_instances": error("UnauthorizedOperation")},
        }
    )
    with pytest.raises(LlmstratError, match="the training jobs can't be listed: UnauthorizedOperation"):
        Ec2Jobs("support-dev", "us-east-1", account).list()
