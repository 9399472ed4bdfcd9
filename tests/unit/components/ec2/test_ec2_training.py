"""Training on EC2: an instance that ends itself, a spot group that brings it back, and an end from outside for both."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from components_kit import Deployed
from ec2_kit import (
    EGRESS,
    GROUP,
    INGRESS,
    INSTANCE,
    LOG,
    SCHEDULE,
    TEMPLATE,
    TRAINING,
    allowed,
    resolve,
    trained,
    training_of,
    user_data,
)

from llmstrat_iac.components.ec2.training import end_of
from llmstrat_iac.components.names import TAG_EXPIRES, TAG_STACK
from llmstrat_iac.components.tuning.names import TAG_JOB
from llmstrat_iac.spec.moments import parse_moment
from llmstrat_iac.tuning import JobState, TuningJob, TuningState

TARGET = "arn:aws:scheduler:::aws-sdk:"


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return trained(tmp_path_factory.mktemp("spec"))


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return trained(tmp_path_factory.mktemp("spec"), capacity="spot", max_duration="4h")


def key_of(deployed: Deployed) -> str:
    """The job's, by the folder of its files."""
    name: str = deployed.of("aws:s3/bucketObjectv2:BucketObjectv2")[0].inputs["key"]
    return name.split("/")[1]


def test_an_instance_on_demand_is_gone_when_it_shuts_down(single: Deployed) -> None:
    instance = single.one(INSTANCE).inputs
    assert instance["instanceInitiatedShutdownBehavior"] == "terminate"
    assert instance["instanceType"] == "g6e.xlarge"
    assert instance["tags"][TAG_JOB] == key_of(single)
    assert not single.of(GROUP)


def test_it_has_no_public_address_imdsv2_and_an_encrypted_disk(single: Deployed) -> None:
    instance = single.one(INSTANCE).inputs
    assert instance["associatePublicIpAddress"] is False
    assert instance["subnetId"] == "training-1-id"
    metadata = instance["metadataOptions"]
    assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 2)
    disk = instance["rootBlockDevice"]
    assert (disk["encrypted"], disk["volumeType"], disk["deleteOnTermination"]) == (True, "gp3", True)
    assert instance["volumeTags"][TAG_STACK] == "support-dev"


@pytest.mark.parametrize("capacity", ["on-demand", "spot"])
def test_nothing_gets_in_and_only_https_out(capacity: str, tmp_path: Path) -> None:
    deployed = trained(tmp_path, capacity=capacity)
    assert not deployed.of(INGRESS)
    assert [(rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in deployed.of(EGRESS)] == [(443, 443)]


def test_a_running_job_isnt_started_anew_by_a_newer_image_or_toolkit(single: Deployed, spot: Deployed) -> None:
    assert {"ami", "userData", "instanceType"} <= single.one(INSTANCE).ignored_changes
    assert {"imageId", "userData", "instanceType"} <= spot.one(TEMPLATE).ignored_changes
    assert {"desiredCapacity", "launchTemplate"} <= spot.one(GROUP).ignored_changes


def test_a_reclaimed_spot_instance_is_replaced_until_the_job_is_over(spot: Deployed) -> None:
    group, name = spot.one(GROUP).inputs, f"support-dev-training-{key_of(spot)}"
    assert (group["minSize"], group["maxSize"], group["desiredCapacity"]) == (0, 1, 1)
    assert group["vpcZoneIdentifiers"] == ["training-1-id", "training-2-id"]
    options = spot.one(TEMPLATE).inputs["instanceMarketOptions"]
    assert (options["marketType"], options["spotOptions"]["spotInstanceType"]) == ("spot", "one-time")
    text = user_data(spot.one(TEMPLATE))
    assert f"export LLMSTRAT_GROUP={name}\n" in text
    assert "export LLMSTRAT_SPOT=1\n" in text
    assert "--should-decrement-desired-capacity" in text
    assert allowed(spot, "training")["autoscaling:TerminateInstanceInAutoScalingGroup"] == [
        f"arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:*:autoScalingGroupName/{name}"
    ]
    assert group["waitForCapacityTimeout"] == "0"


def test_the_job_knows_its_folder_its_time_and_its_secret_by_name(spot: Deployed, single: Deployed) -> None:
    text = user_data(spot.one(TEMPLATE))
    assert f"export LLMSTRAT_JOB_URI=s3://bucket-of-ours/training/{key_of(spot)}\n" in text
    assert "export LLMSTRAT_MAX_SECONDS=14400\n" in text
    assert "export LLMSTRAT_TOKEN_SECRET=arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-token\n" in text
    assert "export LLMSTRAT_GROUP=''\n" in user_data(single.one(INSTANCE))
    assert len(text.encode()) <= 16_384


def test_the_role_reaches_the_jobs_folder_its_secret_and_its_log(single: Deployed) -> None:
    may, key = allowed(single, "training"), key_of(single)
    bucket = "arn:aws:s3:us-east-1:123456789012:artifacts"  # as the test's cloud makes ARNs
    assert may["s3:PutObject"] == [f"{bucket}/training/{key}/*"]
    assert may["s3:GetObject"] == may["s3:PutObject"] == may["s3:DeleteObject"]
    policy = json.loads(single.one("aws:iam/rolePolicy:RolePolicy", "training").inputs["policy"])
    [listing] = [each for each in policy["Statement"] if each["Action"] == ["s3:ListBucket"]]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": f"training/{key}/*"}}
    assert may["secretsmanager:GetSecretValue"] == [
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf-token-??????"
    ]
    assert not [action for action in may if "*" in action or action.startswith("autoscaling:")]


def test_the_instance_starts_after_its_files_its_rights_and_its_way_out(single: Deployed) -> None:
    needed = single.one(INSTANCE).dependencies
    files = {f"aws:s3/bucketObjectv2:BucketObjectv2::{each.name}" for each in single.of(_OBJECT)}
    assert files
    assert files | {"aws:iam/rolePolicy:RolePolicy::training", "aws:ec2/route:Route::training"} <= needed


_OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"


def test_an_instance_that_hangs_is_ended_from_outside(single: Deployed, spot: Deployed) -> None:
    schedule = single.one(SCHEDULE).inputs["target"]
    assert schedule["arn"] == TARGET + "ec2:terminateInstances"
    assert json.loads(schedule["input"]) == {"InstanceIds": [f"training-{key_of(single)}-id"]}
    schedule = spot.one(SCHEDULE).inputs["target"]
    assert schedule["arn"] == TARGET + "autoscaling:updateAutoScalingGroup"
    assert json.loads(schedule["input"])["MaxSize"] == 0


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_of_a_job_that_is_over_only_the_log_stays(state: JobState, tmp_path: Path) -> None:
    identity = training_of(resolve(tmp_path, training=TRAINING)).identity
    over = trained(tmp_path, TuningState(TuningJob(identity, "job", "s3://b/k", state)))
    assert {each.type for each in over.registrations if each.name.startswith("training")} == {
        "llmstrat:ec2:Training", LOG,
    }  # fmt: skip


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_a_job_that_runs_stays_registered(state: JobState, tmp_path: Path, single: Deployed) -> None:
    identity = training_of(resolve(tmp_path, training=TRAINING)).identity
    running = trained(tmp_path, TuningState(TuningJob(identity, "job", "s3://b/k", state)))
    assert running.one(INSTANCE).name == single.one(INSTANCE).name


def test_tags_that_last(spot: Deployed) -> None:
    for specification in spot.one(TEMPLATE).inputs["tagSpecifications"]:
        assert TAG_EXPIRES not in specification["tags"]
        assert specification["tags"][TAG_JOB] == key_of(spot)


NOW = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("max_duration", "expires", "started", "end"),
    [
        ("4h", "2026-11-25T10:00:00Z", None, "2026-11-24T16:00:00Z"),
        ("4h", "2026-11-25T10:00:00Z", NOW - timedelta(hours=2), "2026-11-24T14:00:00Z"),
        ("4h", "2026-11-24T12:00:00Z", None, "2026-11-24T12:00:00Z"),
        ("4h", None, None, "2026-11-24T16:00:00Z"),
        ("never", "2026-11-25T10:00:00Z", None, "2026-11-25T10:00:00Z"),
        ("never", None, None, None),
    ],
)
def test_the_end_is_the_jobs_or_the_stacks_whichever_comes_first(
    max_duration: str, expires: str | None, started: datetime | None, end: str | None, tmp_path: Path
) -> None:
    training = training_of(resolve(tmp_path, training=TRAINING | {"max_duration": max_duration}))
    job = TuningJob("i", "job", "s3://b/k", JobState.RUNNING, created=started) if started else None
    moment = end_of(training, TuningState(job), expires=parse_moment(expires), now=NOW)
    assert moment == parse_moment(end)
