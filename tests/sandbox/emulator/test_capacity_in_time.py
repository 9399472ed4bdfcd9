"""Bought capacity by the sandbox's calendar: what begins and ends as the clock is moved, in an emulator of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from compute_kit import Place, make_place
from plan_kit import PATIENCE, active, buy, cluster, job, offered, state, told
from sandbox_kit import Clients, clients, eventually, post, process


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with process("llmstrat_iac.sandbox.emulator", home=tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture(scope="module")
def aws(url: str) -> Clients:
    return clients(url)


@pytest.fixture(scope="module")
def place(url: str, aws: Clients) -> Place:
    return make_place(url, aws)


def advance(url: str, hours: float) -> None:
    answer = post(f"{url}/_llmstrat/clock", {"seconds": hours * 3600})
    assert answer.status == 200, json.loads(answer.data)


def test_a_plan_in_two_parts_begins_rests_begins_again_and_expires(url: str, aws: Clients) -> None:
    (*_, split) = offered(aws)
    plan = buy(aws, split)
    first, second = told(aws, plan)["ReservedCapacitySummaries"]
    seen = []
    for moment in (first["StartTime"], first["EndTime"], second["StartTime"], second["EndTime"]):
        seen.append(told(aws, plan)["Status"])
        _move_to(url, aws, moment.timestamp() + 60)
    assert [*seen, told(aws, plan)["Status"]] == ["Scheduled", "Active", "Scheduled", "Active", "Expired"]
    assert [each["Status"] for each in told(aws, plan)["ReservedCapacitySummaries"]] == ["Expired", "Expired"]


def _move_to(url: str, aws: Clients, moment: float) -> None:
    """Offers begin at the sandbox's time, half a job's time later."""
    (soon, *_) = offered(aws)
    advance(url, (moment - soon["ReservedCapacityOfferings"][0]["StartTime"].timestamp()) / 3600)


def test_a_job_begins_and_ends_with_its_plan(url: str, aws: Clients, place: Place) -> None:
    client = aws("sagemaker")
    plan = buy(aws, offered(aws)[1])
    asked = job(aws, place, plan, subnet=1)
    name = asked["TrainingJobName"]
    client.create_training_job(**asked)
    assert client.describe_training_job(TrainingJobName=name)["SecondaryStatus"] == "Pending"
    assert told(aws, plan)["InUseInstanceCount"] == 0
    advance(url, 24)
    assert client.describe_training_job(TrainingJobName=name)["SecondaryStatus"] != "Pending"
    assert told(aws, plan)["InUseInstanceCount"] == 2
    advance(url, 48 - 0.4)  # half an hour before the end its instances are taken away
    assert eventually(lambda: state(aws, name) == "Stopped", PATIENCE)
    with pytest.raises(Exception, match="must be Scheduled or Active with time left"):
        client.create_training_job(**asked | {"TrainingJobName": f"{name}-2"})


def test_a_group_is_empty_before_and_after_its_plan(url: str, aws: Clients, place: Place) -> None:
    client = aws("sagemaker")
    plan = active(aws, TargetResources=["hyperpod-cluster"])
    asked = cluster(aws, place, plan)
    name = asked["ClusterName"]
    client.create_cluster(**asked)
    assert eventually(lambda: client.describe_cluster(ClusterName=name)["ClusterStatus"] == "InService", PATIENCE)
    assert len(client.list_cluster_nodes(ClusterName=name)["ClusterNodeSummaries"]) == 2
    advance(url, 100)
    assert client.list_cluster_nodes(ClusterName=name)["ClusterNodeSummaries"] == []
    assert client.describe_cluster(ClusterName=name)["ClusterStatus"] == "InService"
    assert told(aws, plan)["Status"] == "Expired"
    with pytest.raises(Exception, match="is Expired"):
        client.create_cluster(**asked | {"ClusterName": f"{name}-2"})


def test_a_capacity_block_begins_and_expires_as_well(url: str, aws: Clients) -> None:
    ec2 = aws("ec2")
    wanted = {"InstanceType": "p5.48xlarge", "InstanceCount": 2, "CapacityDurationHours": 48}
    later = ec2.describe_capacity_block_offerings(**wanted)["CapacityBlockOfferings"][1]
    bought = ec2.purchase_capacity_block(
        CapacityBlockOfferingId=later["CapacityBlockOfferingId"], InstancePlatform="Linux/UNIX"
    )["CapacityReservation"]["CapacityReservationId"]
    seen = []
    for hours in (24, 48, 0):
        [found] = ec2.describe_capacity_reservations(CapacityReservationIds=[bought])["CapacityReservations"]
        seen.append(found["State"])
        advance(url, hours)
    assert seen == ["scheduled", "active", "expired"]
