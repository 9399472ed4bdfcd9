"""A forgotten stack stops itself: the sandbox's clock goes past the time to live, and the account's schedules act."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import openai
import pytest
from story_kit import SPEC, User
from story_open import JOB_SECONDS, Account, served
from story_tuning import tuned, write_examples
from test_faults import wait_until
from test_from_scratch import scratch


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox has short jobs."""
    user = User(tmp_path_factory.mktemp("user"), {"LLMSTRAT_SANDBOX_JOB_SECONDS": JOB_SECONDS})
    user.spec.write_text(SPEC)
    user.ok("sandbox", "start")
    yield user
    user.close()
    user.ok("sandbox", "stop")


@pytest.fixture
def account(user: User) -> Account:
    return Account(user)


def advance(user: User, hours: int) -> dict[str, Any]:
    """Move the clock; what has fired since the last move must have worked."""
    told: dict[str, Any] = user.ok("sandbox", "advance", f"{hours}h", "--json").json
    return told


def stopped(user: User) -> bool:
    """Whether the stack's job has been ended before it had got there."""
    return status(user)["job"]["job"]["state"] in ("failed", "cancelled")


def calls(told: dict[str, Any]) -> list[str]:
    return [each["call"].partition(" ")[0] for each in told["fired"]]


def reap(user: User) -> None:
    assert "Nothing is left." in user.ok("reap", "--sandbox", "--yes").out
    assert user.ok("list", "--sandbox", "--json").json == []


def status(user: User) -> dict[str, Any]:
    """Of a stack whose endpoint may not answer."""
    found: dict[str, Any] = user.run("status", user.spec, "--sandbox", "--json").json
    return found


def test_a_gateway_stops_serving_until_up_and_reap_ends_it(user: User) -> None:
    user.spec.write_text(SPEC)
    user.sandboxed("up", "--yes")
    assert advance(user, 7)["fired"] == []
    assert user.client().models.list().data

    assert calls(advance(user, 2)) == ["lambda:PutFunctionConcurrency"]
    with pytest.raises(openai.InternalServerError):
        user.client().models.list()
    found = status(user)
    assert "its time to live is over" in found["endpoint"]
    assert "(expired " in found["expires"]
    assert "expired" in user.ok("list", "--sandbox").out

    assert "✓ `chat` answers" in user.sandboxed("up", "--yes").out
    assert "(in " in status(user)["expires"]
    assert advance(user, 7)["fired"] == []
    assert calls(advance(user, 2)) == ["lambda:PutFunctionConcurrency"]
    reap(user)


def by_the_clock(user: User, hours: int) -> str:
    """A cron expression for every day at the sandbox's time in some hours."""
    moment = datetime.fromisoformat(advance(user, 0)["now"]).astimezone(UTC) + timedelta(hours=hours)
    return f'"{moment.minute} {moment.hour} * * *"'


def serving(user: User, account: Account) -> int:
    """Instances that are billed for serving, on either runtime."""
    sagemaker = account.client("sagemaker")
    names = [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]]
    variants = [each for name in names for each in sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]]
    return len(account.instances()) + sum(each["CurrentInstanceCount"] for each in variants)


@pytest.mark.parametrize(("runtime", "more"), [("ec2", ""), ("sagemaker", ", options: {scale_to_zero: true}")])
def test_a_fleet_sleeps_at_night_and_for_good_when_its_time_is_over(
    user: User, account: Account, runtime: str, more: str
) -> None:
    stop, start = by_the_clock(user, 3), by_the_clock(user, 9)
    hours = f", hours: {{start: {start}, stop: {stop}, hours_per_week: 126}}, fallback: [closed]"
    user.spec.write_text(served(runtime, serving=hours + more).replace("ttl: 8h", "ttl: 36h"))
    user.sandboxed("up", "--yes")
    user.sandboxed("wait")
    assert (serving(user, account), served_by(user)) == (1, "fleet")

    assert len(advance(user, 4)["fired"]) == 1
    assert (serving(user, account), served_by(user)) == (0, "bedrock")
    assert status(user)["healthy"] is True

    assert len(advance(user, 6)["fired"]) == 1
    user.sandboxed("wait")
    assert (serving(user, account), served_by(user)) == (1, "fleet")

    advance(user, 48)
    assert serving(user, account) == 0, "the morning after the end brings nothing back"
    assert account.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert status(user)["healthy"] is False
    reap(user)
    assert account.remains() == []


def served_by(user: User) -> str:
    """Who answers a request now, as the usage log has it."""
    assert user.sandboxed("invoke", "Where is it?", "--model", "support").out
    lines = user.sandboxed("logs", "--json").out.splitlines()
    provider: str = json.loads(lines[-1])["provider"]
    return provider


@pytest.mark.parametrize("runtime", ["ec2", "sagemaker"])
def test_a_training_that_hangs_is_stopped(user: User, account: Account, runtime: str) -> None:
    """Slow for the sandbox, whose jobs take seconds: it would go on for two minutes."""
    write_examples(user.home / "train.jsonl", fault="llmstrat-fault-slow")
    user.spec.write_text(served(runtime, training=", hyperparameters: {epochs: 1}"))
    user.sandboxed("up", "--yes")
    assert len(advance(user, 10)["fired"]) >= 2
    wait_until(lambda: stopped(user))
    assert serving(user, account) == 0
    assert account.client("sagemaker").list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"] == []
    reap(user)
    assert account.remains() == []


@pytest.mark.parametrize("runtime", ["sagemaker", "ec2", "hyperpod"])
def test_a_cluster_and_its_files_are_gone(user: User, account: Account, runtime: str) -> None:
    user.spec.write_text(scratch(runtime).replace("name: story", "name: fault-slow"))
    user.sandboxed("up", "--yes", "--skip-smoke-test")
    assert len(account.client("fsx").describe_file_systems()["FileSystems"]) == 1
    assert calls(advance(user, 50))[-1] == "fsx:DeleteFileSystem"
    # What is deleted is still there for a moment, on AWS for minutes.
    wait_until(lambda: not account.client("fsx").describe_file_systems()["FileSystems"])
    wait_until(lambda: not account.client("sagemaker").list_clusters()["ClusterSummaries"])
    assert account.client("sagemaker").list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"] == []
    assert account.instances() == []
    wait_until(lambda: stopped(user))
    reap(user)


def test_throughput_that_bills_by_the_hour_is_deleted(user: User, account: Account) -> None:
    write_examples(user.home / "train.jsonl")
    user.spec.write_text(tuned("bedrock", more=", options: {throughput: provisioned}"))
    user.sandboxed("up", "--yes", "--wait")
    list_units = account.client("bedrock").list_provisioned_model_throughputs
    assert len(list_units()["provisionedModelSummaries"]) == 1
    assert sorted(calls(advance(user, 10))) == [
        "bedrock:DeleteProvisionedModelThroughput",
        "lambda:PutFunctionConcurrency",
    ]
    assert list_units()["provisionedModelSummaries"] == []
    user.sandboxed("up", "--yes")
    assert len(list_units()["provisionedModelSummaries"]) == 1
    assert user.sandboxed("invoke", "Where is it?", "--model", "support").out
    advance(user, 10)
    reap(user)
    assert list_units()["provisionedModelSummaries"] == []
