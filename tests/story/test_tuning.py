"""Strategy B the whole way: the job starts, is followed, its model answers behind the same key, and nothing is left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from story_kit import REPOSITORY, User
from story_tuning import JOB_SECONDS, TUNINGS, Vendors, plain, tuned, write_examples
from test_two_doors import Pulumi

STACK = "organization/llmstrat/story-dev"


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox has short jobs."""
    user = User(tmp_path_factory.mktemp("user"), {"LLMSTRAT_SANDBOX_JOB_SECONDS": JOB_SECONDS})
    user.ok("sandbox", "start")
    yield user
    user.ok("sandbox", "stop")


@pytest.fixture
def vendors(user: User) -> Iterator[Vendors]:
    """The vendors; whatever a test leaves behind is its failure."""
    write_examples(user.home / "train.jsonl")
    vendors = Vendors(user)
    yield vendors
    assert vendors.remains() == []


def ask(user: User, model: str = "support") -> str:
    return str(user.sandboxed("invoke", "Where is it?", "--model", model).out)


def up(user: User, *options: str) -> str:
    result = user.sandboxed("up", "--yes", *options)
    return result.out + result.err


@pytest.mark.parametrize("vendor", TUNINGS)
def test_from_dataset_to_answer_to_nothing(user: User, vendors: Vendors, vendor: str) -> None:
    user.spec.write_text(tuned(vendor))
    assert "Nothing has been created" in user.ok("plan", user.spec).out

    started = up(user, "--skip-smoke-test")
    assert "starts a job" in started
    status = user.sandboxed("status", "--json").json["job"]
    assert status["job"]["state"] in ("queued", "running", "completed")
    assert status["served_identity"] is None

    deployed = up(user, "--wait")
    assert "`support` answers: [tuned" in deployed
    assert "[tuned" in ask(user)
    assert "[tuned" not in ask(user, "chat")
    status = user.sandboxed("status", "--json").json["job"]
    assert status["job"]["state"] == "completed"
    assert status["served_identity"] == status["job"]["identity"]
    assert user.sandboxed("logs", "--job").out.count("\n") > 1
    assert set(user.sandboxed("up", "--yes", "--json").json["changes"]) <= {"same"}

    receipt = user.sandboxed("down", "--yes", "--json").json
    assert receipt["clean"] is True
    assert receipt["leftovers"] == []
    assert any("record of the job" in kept for kept in receipt["kept"]) is (vendor != "sagemaker")


def test_from_a_to_b_and_back_with_the_same_key_and_url(user: User, vendors: Vendors) -> None:
    user.spec.write_text(plain())
    up(user)
    before = user.outputs()

    user.spec.write_text(tuned("openai"))
    assert "[tuned" in up(user, "--wait")
    between = user.outputs()
    assert (between["base_url"], between["keys"]) == (before["base_url"], before["keys"])
    assert user.client().models.list().data
    assert user.ok("list", "--sandbox", "--json").json[0]["strategy"] == "closed-api-tuned"

    user.spec.write_text(plain())
    up(user)
    after = user.outputs()
    assert (after["base_url"], after["keys"]) == (before["base_url"], before["keys"])
    assert "[tuned" not in ask(user, "chat")
    assert vendors.remains() == []
    user.sandboxed("down", "--yes")


def test_only_what_changes_the_result_trains_again(user: User, vendors: Vendors) -> None:
    user.spec.write_text(tuned("bedrock"))
    up(user, "--wait")
    first = ask(user)
    count = len(vendors.bedrock_jobs())

    (user.home / "train.jsonl").rename(user.home / "moved.jsonl")
    user.spec.write_text(tuned("bedrock", alias="help", train="moved.jsonl").replace("ml@", "other@"))
    assert "starts a job" not in up(user)
    assert ask(user, "help").split("]")[0] == first.split("]")[0]
    assert len(vendors.bedrock_jobs()) == count

    write_examples(user.home / "moved.jsonl", first=1000)
    assert "serves until it is completed" in up(user)
    assert len(vendors.bedrock_jobs()) == count + 1
    assert ask(user, "help").split("]")[0] == first.split("]")[0]
    user.sandboxed("wait")
    up(user)
    assert ask(user, "help").split("]")[0] != first.split("]")[0]
    assert "[tuned" in ask(user, "help")
    assert len(vendors.client("bedrock").list_custom_models()["modelSummaries"]) == 1
    assert user.sandboxed("down", "--yes", "--json").json["clean"] is True


@pytest.mark.parametrize(
    ("vendor", "kind"),
    [("bedrock", "aws:bedrock/customModel:CustomModel"), ("openai", "pulumi-python:dynamic/llmstrat:OpenAiJob")],
)
def test_job_that_the_state_has_lost_is_adopted(
    user: User, vendors: Vendors, pulumi: Pulumi, vendor: str, kind: str
) -> None:
    """As when `up` is killed between the vendor's answer and the next write of the state."""
    jobs = {"bedrock": vendors.bedrock_jobs, "openai": vendors.openai_jobs}[vendor]
    before = len(jobs())
    user.spec.write_text(tuned(vendor))
    up(user)
    exported = json.loads(pulumi("stack", "export", "--stack", STACK))["deployment"]["resources"]
    (urn,) = (resource["urn"] for resource in exported if resource["type"] == kind)
    pulumi("state", "delete", urn, "--stack", STACK, "--yes")
    up(user)
    assert len(jobs()) == before + 1
    assert "[tuned" in up(user, "--wait")
    assert len(jobs()) == before + 1
    assert user.sandboxed("down", "--yes", "--json").json["clean"] is True


@pytest.fixture
def pulumi(user: User) -> Pulumi:
    user.spec.write_text(plain())
    return Pulumi(user, user.home)


def test_job_that_fails_is_reported_and_repaired(user: User, vendors: Vendors) -> None:
    write_examples(user.home / "train.jsonl", fault="llmstrat-fault-halfway")
    user.spec.write_text(tuned("openai"))
    result = user.run("up", user.spec, "--sandbox", "--yes", "--wait")
    assert result.code == 1
    assert "has failed: The job failed due to an internal error" in result.err
    assert "up --retry" in result.err
    assert user.sandboxed("status", "--json").json["job"]["job"]["state"] == "failed"
    assert "has failed" in up(user)
    assert "[tuned" not in ask(user)

    write_examples(user.home / "train.jsonl", first=500)
    assert "[tuned" in up(user, "--wait")
    assert user.sandboxed("down", "--yes", "--json").json["clean"] is True


def test_cancelled_job_starts_anew_when_asked(user: User, vendors: Vendors) -> None:
    write_examples(user.home / "train.jsonl", first=300, fault="llmstrat-fault-slow")
    user.spec.write_text(tuned("openai"))
    up(user)
    assert "being cancelled" in user.sandboxed("cancel", "--yes").out
    assert user.run("wait", user.spec, "--sandbox").code == 1
    count = len(vendors.openai_jobs())
    assert "was cancelled" in up(user)
    assert len(vendors.openai_jobs()) == count
    assert "starts a job" in up(user, "--retry")
    assert len(vendors.openai_jobs()) == count + 1
    assert user.sandboxed("down", "--yes", "--json").json["clean"] is True


def test_deploy_by_hand(user: User, vendors: Vendors) -> None:
    user.spec.write_text(tuned("openai", more=", deploy: manual"))
    assert "[tuned" not in up(user, "--wait")
    assert "[tuned" in up(user, "--deploy")
    assert "[tuned" in up(user)
    assert user.sandboxed("down", "--yes", "--json").json["clean"] is True


def test_plain_pulumi_does_the_same(user: User, vendors: Vendors, tmp_path: Path) -> None:
    """`stacks/closed-api-tuned`, as its README says."""
    user.spec.write_text(tuned("bedrock"))
    folder = tmp_path / "stack"
    shutil.copytree(REPOSITORY / "stacks" / "closed-api-tuned", folder, ignore=shutil.ignore_patterns("Pulumi.*.yaml"))
    pulumi = Pulumi(user, folder)
    pulumi("stack", "init", STACK)
    pulumi("config", "set", "spec", str(user.spec))
    pulumi("up", "--yes", "--skip-preview")
    user.sandboxed("wait")
    pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert "[tuned" in ask(user)
    assert "unchanged" in pulumi("preview")
    pulumi("destroy", "--yes", "--skip-preview", "--refresh")
    pulumi("stack", "rm", STACK, "--yes")
