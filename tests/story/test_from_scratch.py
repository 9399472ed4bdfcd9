"""Strategy D the whole way, on all three runtimes: accepted, trained, served, and nothing left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from story_kit import REPOSITORY, User
from story_open import JOB_SECONDS, Account
from test_two_doors import Pulumi

STACK = "organization/llmstrat/story-dev"
CORPUS = "example-corpus"
RUNTIMES = ("sagemaker", "ec2", "hyperpod")
SPEC = """\
apiVersion: llmstrat/v1
name: story
strategy: D
owner: ml@example.com
region: us-east-1
data: {{classification: internal}}
limits: {{ttl: 48h}}
model_alias: {alias}
architecture: {{preset: llama-1b}}
tokenizer: {{source: "s3://example-corpus/tokenizer/"}}
corpus: {{source: "s3://example-corpus/text/", tokens: 4B}}
trainer: {{tokens: 2B}}
cluster: {{runtime: {runtime}, instance: p4d.24xlarge, nodes: 2{more}}}
"""
SERVED = """\
serving: {runtime: sagemaker, max_context: 2048}
endpoint: {consumers: [{name: web, models: [own]}]}
"""


def scratch(runtime: str, *, alias: str = "own", more: str = "", served: bool = False) -> str:
    return SPEC.format(runtime=runtime, alias=alias, more=more) + (SERVED if served else "")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """A user whose sandbox has short jobs."""
    user = User(tmp_path_factory.mktemp("user"), {"LLMSTRAT_SANDBOX_JOB_SECONDS": JOB_SECONDS})
    user.spec.write_text(scratch("sagemaker"))
    user.ok("sandbox", "start")
    yield user
    user.ok("sandbox", "stop")


@pytest.fixture
def account(user: User) -> Iterator[Account]:
    """The account; whatever a test leaves in it, but the corpus that was there, is its failure."""
    account = Account(user)
    yield account
    systems = account.client("fsx").describe_file_systems()["FileSystems"]
    clusters = account.client("sagemaker").list_clusters()["ClusterSummaries"]
    left = [each for each in account.remains() if CORPUS not in each]
    left += [*(each["FileSystemId"] for each in systems), *(each["ClusterName"] for each in clusters)]
    if left:  # the next test starts in an empty account all the same
        user.run("down", user.spec, "--sandbox", "--yes")
    assert left == []


def up(user: User, *options: str) -> str:
    result = user.sandboxed("up", "--yes", *options)
    return result.out + result.err


def down(user: User) -> None:
    receipt = user.sandboxed("down", "--yes", "--json").json
    assert (receipt["clean"], receipt["leftovers"]) == (True, [])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_from_corpus_to_a_finished_model_to_nothing(user: User, account: Account, runtime: str) -> None:
    served = runtime == "sagemaker"
    user.spec.write_text(scratch(runtime, served=served))
    assert "Nothing has been created" in user.ok("plan", user.spec).out

    assert "starts a job" in up(user, "--skip-smoke-test")
    gate = user.sandboxed("accept", "--json").json
    assert gate["passed"] is True
    assert len(gate["nodes"]) == 2
    deployed = up(user, "--wait")
    status = user.sandboxed("status", "--json").json
    assert status["job"]["job"]["state"] == "completed"
    assert status["healthy"] is True
    assert account.client("fsx").describe_file_systems()["FileSystems"] == []
    assert account.instances() == []
    if served:
        assert "`own` answers" in deployed
        assert user.sandboxed("invoke", "Hello?", "--model", "own").out
    else:
        assert "is completed; what it has made is at s3://story-dev-artifacts-" in up(user)
    down(user)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_cluster_with_a_slow_link_is_refused_before_it_trains(user: User, account: Account, runtime: str) -> None:
    user.spec.write_text(scratch(runtime).replace("name: story", "name: fault-slow-link"))
    result = user.run("up", user.spec, "--sandbox", "--yes", "--wait")
    assert (result.code, "GB/s" in result.err) == (1, True), result.out + result.err
    verdict = user.run("accept", user.spec, "--sandbox", "--json")
    assert verdict.code == 1
    assert [node["host"] for node in verdict.json["nodes"] if node["failures"]]
    job = user.sandboxed("status", "--json").json["job"]["job"]
    assert job["state"] == "failed"
    assert "GB/s" in job["failure"]
    assert account.instances() == []
    down(user)


def test_a_run_moves_from_one_runtime_to_another(user: User, account: Account) -> None:
    """What is new is made before what is old goes, so that no name may be used twice."""
    for runtime in ("ec2", "hyperpod", "sagemaker"):
        user.spec.write_text(scratch(runtime).replace("name: story", "name: fault-slow"))
        up(user, "--retry")
        assert user.sandboxed("status", "--json").json["job"]["job"]["state"] in ("queued", "running")
    down(user)


def test_a_cluster_is_tested_alone_and_then_trained_on(user: User, account: Account) -> None:
    spec = scratch("ec2")
    user.spec.write_text(spec)
    tested = user.sandboxed("accept", "--run", "--yes", "--json")
    assert tested.json["passed"] is True
    assert "takes 10 to 75 minutes and costs" in tested.err
    assert "starts a job that tests the cluster, and trains nothing" in tested.err
    job = user.sandboxed("status", "--json").json["job"]
    assert (job["job"]["state"], job["job"]["model"], job["awaits_up"]) == ("completed", None, False)
    assert job["job"]["metrics"]["all_reduce_gb_s"] >= 35
    assert account.instances() == []
    assert account.client("fsx").describe_file_systems()["FileSystems"] == []
    assert user.spec.read_text() == spec
    assert user.sandboxed("accept", "--json", "--no-wait").json == tested.json

    assert "starts a job: the last `up` only tested the cluster" in up(user, "--wait")
    trained = user.sandboxed("status", "--json").json["job"]["job"]
    assert trained["state"] == "completed"
    assert trained["model"].endswith("/output/")
    assert trained["identity"] != job["job"]["identity"]
    down(user)


@pytest.mark.parametrize("runtime", ["sagemaker", "hyperpod"])
def test_a_refused_cluster_ends_its_test(user: User, account: Account, runtime: str) -> None:
    spec = scratch(runtime).replace("name: story", "name: fault-slow-link")
    user.spec.write_text(spec)
    refused = user.run("accept", user.spec, "--run", "--sandbox", "--yes")
    assert refused.code == 1, refused.out + refused.err
    assert "The cluster is refused: nothing was trained." in refused.out
    assert user.spec.read_text() == spec
    assert account.client("sagemaker").list_clusters()["ClusterSummaries"] == []
    assert account.client("fsx").describe_file_systems()["FileSystems"] == []
    down(user)


def test_capacity_is_bought_for_the_sum_typed_and_nothing_else(user: User, account: Account) -> None:
    user.spec.write_text(scratch("ec2", more=", zone: us-east-1a"))
    (offer, *_) = user.ok("capacity", "offers", user.spec, "--sandbox", "--json").json
    ec2 = account.client("ec2")
    before = ec2.describe_capacity_reservations()["CapacityReservations"]
    refused = user.run("capacity", "buy", user.spec, "--sandbox", "--confirm-usd", "1")
    assert refused.code == 1
    assert "nothing was bought" in refused.err
    assert ec2.describe_capacity_reservations()["CapacityReservations"] == before
    bought = user.ok("capacity", "buy", user.spec, "--sandbox", "--confirm-usd", str(offer["fee"]))
    assert "can't be cancelled" in bought.out
    (made,) = [each for each in ec2.describe_capacity_reservations()["CapacityReservations"] if each not in before]
    assert made["CapacityReservationId"] in bought.out


def test_plain_pulumi_does_the_same(user: User, account: Account, tmp_path: Path) -> None:
    """`stacks/from-scratch`, as its README says: a test of the cluster, then the training."""
    user.spec.write_text(scratch("ec2", more=", acceptance: only"))
    folder = tmp_path / "stack"
    shutil.copytree(REPOSITORY / "stacks" / "from-scratch", folder, ignore=shutil.ignore_patterns("Pulumi.*.yaml"))
    pulumi = Pulumi(user, folder)
    pulumi("stack", "init", STACK)
    pulumi("config", "set", "spec", str(user.spec))
    for spec in (user.spec.read_text(), scratch("ec2")):
        user.spec.write_text(spec)
        pulumi("up", "--yes", "--skip-preview")
        assert user.sandboxed("accept", "--json").json["passed"] is True
        job = user.sandboxed("wait", "--json").json
        assert (job["state"], job["model"] is None) == ("completed", "only" in spec)
        pulumi("up", "--yes", "--skip-preview", "--refresh")
        assert account.instances() == []
        assert "unchanged" in pulumi("preview")
    pulumi("destroy", "--yes", "--skip-preview", "--refresh")
    pulumi("stack", "rm", STACK, "--yes")
