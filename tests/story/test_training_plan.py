"""Strategy D on a training plan the whole way: refused without one, bought, put into the spec, trained on, and over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from story_kit import User
from story_open import JOB_SECONDS, Account
from test_from_scratch import scratch, up

TARGETS = {"sagemaker": "training-job", "hyperpod": "hyperpod-cluster"}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox has short jobs, and a clock of its own that is moved."""
    user = User(tmp_path_factory.mktemp("user"), {"LLMSTRAT_SANDBOX_JOB_SECONDS": JOB_SECONDS})
    user.spec.write_text(scratch("sagemaker"))
    user.ok("sandbox", "start")
    yield user
    user.ok("sandbox", "stop")


@pytest.fixture
def account(user: User) -> Account:
    return Account(user)


def bought(user: User, runtime: str) -> str:
    """Buy the plan that begins first, and put the line that is printed into the spec; the plan's ARN."""
    offers = user.ok("capacity", "offers", user.spec, "--sandbox", "--json").json
    first = min(range(len(offers)), key=lambda number: offers[number]["start"])
    told = user.ok(
        "capacity", "buy", user.spec, "--sandbox", "--offer", str(first + 1), "--confirm-usd", str(offers[first]["fee"])
    ).out
    assert "can't be cancelled, changed or paid back" in told
    (line,) = re.findall(r"^  cluster: \{(.*)\}$", told, re.MULTILINE)
    user.spec.write_text(scratch(runtime, more=f", {line}"))
    (arn,) = re.findall(r"arn:aws:sagemaker:[^\"]+", line)
    return arn


def plan_of(account: Account, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = account.client("sagemaker").describe_training_plan(TrainingPlanName=arn)
    return found


@pytest.mark.parametrize("runtime", TARGETS)
def test_from_the_purchase_to_a_finished_model_to_nothing(user: User, account: Account, runtime: str) -> None:
    user.spec.write_text(scratch(runtime, more=", capacity: training-plan"))
    without = user.run("plan", user.spec)
    assert "`llmstrat capacity buy` buys" in re.sub(r"\s+", " ", without.out)
    refused = user.run("up", user.spec, "--sandbox", "--yes")
    assert (refused.code, "reservation-missing" in refused.out + refused.err) == (1, True)

    before = account.client("sagemaker").list_training_plans()["TrainingPlanSummaries"]
    cheap = user.run("capacity", "buy", user.spec, "--sandbox", "--confirm-usd", "1")
    assert (cheap.code, "nothing was bought" in cheap.err) == (1, True)
    assert account.client("sagemaker").list_training_plans()["TrainingPlanSummaries"] == before
    arn = bought(user, runtime)
    plan = plan_of(account, arn)
    assert (plan["TargetResources"], plan["Status"] in ("Scheduled", "Active")) == ([TARGETS[runtime]], True)
    tags = account.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]
    assert {"Key": "llmstrat:stack", "Value": "story-dev"} in tags

    up(user, "--wait")
    job = user.sandboxed("status", "--json").json["job"]["job"]
    assert job["state"] == "completed"
    receipt = user.sandboxed("down", "--yes", "--json").json
    assert (receipt["clean"], receipt["leftovers"]) == (True, [])
    assert [each for each in receipt["kept"] if arn in each and "can't be given back" in each]
    after = plan_of(account, arn)
    assert (after["Status"], after["AvailableInstanceCount"], after["InUseInstanceCount"]) == ("Active", 2, 0)


def test_a_plan_that_is_over_is_refused_and_the_way_to_another_named(user: User) -> None:
    user.spec.write_text(scratch("sagemaker", more=", capacity: training-plan"))
    bought(user, "sagemaker")
    user.ok("sandbox", "advance", "5d")
    refused = user.run("up", user.spec, "--sandbox", "--yes")
    said = re.sub(r"\s+", " ", refused.out + refused.err)
    assert (refused.code, "the plan is Expired" in said, "`llmstrat capacity offers`" in said) == (1, True, True), said


def test_a_payment_that_fails_is_told_when_it_is_known(user: User) -> None:
    user.spec.write_text(
        scratch("sagemaker", more=", capacity: training-plan").replace("name: story", "name: fault-unpaid")
    )
    (offer, *_) = user.ok("capacity", "offers", user.spec, "--sandbox", "--json").json
    failed = user.run("capacity", "buy", user.spec, "--sandbox", "--confirm-usd", str(offer["fee"]))
    assert (failed.code, "Payment failed" in failed.err) == (1, True), failed.out + failed.err
