"""Strategy C the whole way, on both runtimes: trained, served behind the same key, paused, and nothing left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from story_kit import REPOSITORY, User
from story_open import JOB_SECONDS, Account, closed, served, trained
from story_tuning import write_examples
from test_two_doors import Pulumi

STACK = "organization/llmstrat/story-dev"
RUNTIMES = ("ec2", "sagemaker")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox has short jobs and quick fleets."""
    user = User(tmp_path_factory.mktemp("user"), {"LLMSTRAT_SANDBOX_JOB_SECONDS": JOB_SECONDS})
    user.spec.write_text(closed())
    user.ok("sandbox", "start")
    yield user
    user.ok("sandbox", "stop")


@pytest.fixture
def account(user: User) -> Iterator[Account]:
    """The account; whatever a test leaves in it is its failure."""
    write_examples(user.home / "train.jsonl")
    account = Account(user)
    yield account
    left = account.remains()
    if left:  # the next test starts in an empty account all the same
        user.run("down", user.spec, "--sandbox", "--yes")
    assert left == []


def ask(user: User, model: str = "support") -> str:
    return str(user.sandboxed("invoke", "Where is it?", "--model", model).out)


def up(user: User, *options: str) -> str:
    result = user.sandboxed("up", "--yes", *options)
    return result.out + result.err


def down(user: User) -> None:
    receipt = user.sandboxed("down", "--yes", "--json").json
    assert (receipt["clean"], receipt["leftovers"]) == (True, [])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_from_a_to_tuned_answers_and_back_with_the_same_key_and_url(user: User, account: Account, runtime: str) -> None:
    user.spec.write_text(closed())
    up(user)
    before, client = user.outputs(), user.client()
    trained = served(
        runtime,
        training=", hyperparameters: {epochs: 1}",
        serving=", fallback: [closed]",
        models="support, support-base",
    )
    user.spec.write_text(trained)
    assert "Nothing has been created" in user.ok("plan", user.spec).out

    assert "starts a job" in up(user)
    same_endpoint(user, before)
    assert user.sandboxed("status", "--json").json["job"]["served_identity"] is None
    assert "[tuned" not in ask(user)

    assert "`support` answers: [tuned" in up(user, "--wait")
    assert "[tuned" in ask(user)
    assert served_by(user) == "fleet"
    assert "[tuned" not in ask(user, "support-base")
    status = user.sandboxed("status", "--json").json
    assert status["job"]["job"]["state"] == "completed"
    assert status["job"]["served_identity"] == status["job"]["job"]["identity"]
    assert status["fleet"]["well"] is True
    assert user.sandboxed("logs", "--job").out.count("\n") > 1
    assert set(user.sandboxed("up", "--yes", "--json").json["changes"]) <= {"same"}
    streamed = client.chat.completions.create(
        model="support", messages=[{"role": "user", "content": "Where?"}], stream=True
    )
    assert len([chunk for chunk in streamed if chunk.choices and chunk.choices[0].delta.content]) > 1

    user.sandboxed("pause", "--yes")
    assert account.instances() == []
    assert account.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert "[tuned" not in ask(user)
    assert served_by(user) == "bedrock"
    user.sandboxed("resume", "--yes")
    user.sandboxed("wait")
    assert "[tuned" in ask(user)
    assert user.spec.read_text() == trained

    user.spec.write_text(closed())
    up(user)
    same_endpoint(user, before)
    assert "[tuned" not in ask(user)
    assert account.instances() == []
    down(user)


def same_endpoint(user: User, before: dict[str, Any]) -> None:
    """The applications' side of the contract: neither URL nor key changes."""
    now = user.outputs()
    assert (now["base_url"], now["keys"]) == (before["base_url"], before["keys"])


def served_by(user: User) -> str:
    """Who answered the last request, as the usage log has it."""
    line = json.loads(user.sandboxed("logs", "--json").out.splitlines()[-1])
    return str(line["provider"])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_training_that_fails_says_why_and_bills_no_more(user: User, account: Account, runtime: str) -> None:
    write_examples(user.home / "train.jsonl", fault="llmstrat-fault-halfway")
    user.spec.write_text(served(runtime, training=", hyperparameters: {epochs: 1}"))
    result = user.run("up", user.spec, "--sandbox", "--yes", "--wait")
    assert result.code == 1
    assert "has failed: " in result.err
    assert "up --retry" in result.err
    status = user.sandboxed("status", "--json").json["job"]
    assert status["job"]["state"] == "failed"
    assert status["job"]["failure"]
    assert len(account.instances()) <= 1  # the fleet's own
    assert account.networks() == (["story-dev-fleet"] if runtime == "ec2" else []), "the training's is gone"
    assert "[tuned" not in ask(user)
    down(user)


def test_a_training_alone_ends_and_its_budget_goes_on(user: User, account: Account) -> None:
    user.spec.write_text(trained("ec2"))
    up(user)
    assert "bills until the next `llmstrat up`" in " ".join(user.sandboxed("wait").out.split())
    assert account.networks() == ["story-dev-training"]
    status = user.sandboxed("status", "--json").json
    assert (status["healthy"], status["job"]["awaits_up"]) == (True, True)
    assert account.budgets() == ["story-dev"]

    user.spec.write_text(closed().replace("ttl: 8h", "ttl: 8h, monthly_usd: 50"))
    up(user)
    assert account.networks() == []
    assert account.budgets() == ["story-dev"]
    user.spec.write_text(trained("sagemaker"))
    up(user)
    assert account.budgets() == ["story-dev"]
    down(user)
    assert account.budgets() == []


def test_plain_pulumi_does_the_same(user: User, account: Account, tmp_path: Path) -> None:
    """`stacks/open-model`, as its README says."""
    user.spec.write_text(served("ec2"))
    folder = tmp_path / "stack"
    shutil.copytree(REPOSITORY / "stacks" / "open-model", folder, ignore=shutil.ignore_patterns("Pulumi.*.yaml"))
    pulumi = Pulumi(user, folder)
    pulumi("stack", "init", STACK)
    pulumi("config", "set", "spec", str(user.spec))
    pulumi("up", "--yes", "--skip-preview")
    user.sandboxed("wait")
    assert ask(user)
    assert "unchanged" in pulumi("preview")
    pulumi("destroy", "--yes", "--skip-preview", "--refresh")
    pulumi("stack", "rm", STACK, "--yes")


def test_a_zero_quota_is_refused_before_anything_is_made(user: User, account: Account) -> None:
    user.spec.write_text(served("ec2", serving=", instance: g6e.xlarge"))
    account.client("service-quotas")  # the sandbox's account can be asked at all
    findings = user.sandboxed("preflight", "--json").json
    quotas = [each for each in findings if each["rule"] == "aws.quota"]
    assert [each["severity"] for each in quotas] == ["info"]
    assert "Running On-Demand G and VT instances" in quotas[0]["message"]
