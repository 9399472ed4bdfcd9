"""SageMaker's training plans in the emulator: on offer, bought once, named by jobs and clusters, and counted."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from compute_kit import Place, make_place
from plan_kit import PATIENCE, WANTED, active, buy, cluster, job, offered, state, told
from quota_kit import set_quotas
from sandbox_kit import Clients, clients, eventually, post
from tuning_kit import OVER, served

from llmstrat_iac.sandbox.emulator.tuning.shapes import complaints, service_model

ELSEWHERE = "arn:aws:sagemaker:us-east-1:999999999999:training-plan/theirs"


@pytest.fixture(scope="module")
def place(emulator_url: str, aws: Clients) -> Place:
    return make_place(emulator_url, aws)


@pytest.fixture
def few(emulator_url: str) -> Iterator[dict[str, float]]:
    """Quotas, set once a test has filled it."""
    yield {}
    set_quotas(emulator_url, {})


def test_upstream_still_lacks_training_plans(plain_emulator_url: str) -> None:
    sagemaker = clients(plain_emulator_url)("sagemaker")
    assert not served(lambda: sagemaker.search_training_plan_offerings(**WANTED)), (
        "plain ministack now has training plans: compare, then delete `emulator/training_plans`"
    )


def test_answers_have_the_members_that_botocore_knows(emulator_url: str, aws: Clients) -> None:
    (offer, *_) = offered(aws)
    name = f"plan-{uuid4().hex[:6]}"
    asked: dict[str, dict[str, Any]] = {
        "SearchTrainingPlanOfferings": WANTED | {"StartTimeAfter": 1.0, "EndTimeBefore": 9e9},
        "CreateTrainingPlan": {"TrainingPlanName": name, "TrainingPlanOfferingId": offer["TrainingPlanOfferingId"]},
        "DescribeTrainingPlan": {"TrainingPlanName": name},
        "ListTrainingPlans": {},
    }
    for operation, arguments in asked.items():
        answer = post(emulator_url, arguments, x_amz_target=f"SageMaker.{operation}", authorization=_CREDENTIAL)
        assert answer.status == 200, answer.data
        shape = service_model("sagemaker").operation_model(operation).output_shape
        assert not list(complaints(shape, json.loads(answer.data))), operation


_CREDENTIAL = "AWS4-HMAC-SHA256 Credential=000000000000/20261124/us-east-1/sagemaker/aws4_request"


def test_offerings_last_long_enough_end_at_half_past_eleven_and_cost_by_the_hour(aws: Clients) -> None:
    found = offered(aws)
    assert [len(each["ReservedCapacityOfferings"]) for each in found] == [1, 1, 2]
    for each in found:
        hours = each["DurationHours"] + each["DurationMinutes"] / 60
        parts = each["ReservedCapacityOfferings"]
        assert hours >= 40
        assert each["TargetResources"] == ["training-job"]
        assert float(each["UpfrontFee"]) == 4.0 * 16 * math.ceil(hours)
        assert {part["EndTime"].astimezone(UTC).strftime("%H:%M") for part in parts} == {"11:30"}
        assert all(part["EndTime"] > part["StartTime"] for part in parts)
    zones = [{part["AvailabilityZone"] for part in each["ReservedCapacityOfferings"]} for each in found]
    assert zones == [{"us-east-1a"}, {"us-east-1b"}, {"us-east-1a", "us-east-1b"}]
    (*_, split) = offered(aws, TargetResources=["hyperpod-cluster"])
    assert len({part["AvailabilityZone"] for part in split["ReservedCapacityOfferings"]}) == 1


def test_only_what_lies_in_the_window_is_offered(aws: Clients) -> None:
    now = datetime.now(UTC)
    assert len(offered(aws, StartTimeAfter=now + timedelta(minutes=5))) == 2
    assert offered(aws, EndTimeBefore=now + timedelta(hours=2)) == []


@pytest.mark.parametrize(
    "changes",
    [{"InstanceType": "ml.trn1.32xlarge"}, {"InstanceType": "ml.p6e-gb200.36xlarge"}, {"DurationHours": 4368}],
)
def test_not_everything_is_on_offer(aws: Clients, changes: dict[str, Any]) -> None:
    assert len(offered(aws, **changes)) == (3 if "DurationHours" in changes else 0)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"InstanceCount": 3}, "1, 2, 4, 8"),
        ({"DurationHours": 5000}, "at most 4368"),
        ({"InstanceType": "ml.g6.xlarge"}, "enum"),
        ({"TargetResources": ["notebook"]}, "enum"),
    ],
)
def test_what_the_search_refuses(aws: Clients, changes: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        offered(aws, **changes)


def test_a_plan_is_paid_then_scheduled_or_active_and_an_offering_is_sold_once(aws: Clients) -> None:
    now, later, _ = offered(aws)
    plan = active(aws)
    found = told(aws, plan)
    assert (found["TotalInstanceCount"], found["AvailableInstanceCount"], found["InUseInstanceCount"]) == (2, 2, 0)
    assert found["TrainingPlanArn"] == told(aws, found["TrainingPlanName"])["TrainingPlanArn"]
    scheduled = buy(aws, later)
    assert told(aws, scheduled)["Status"] == "Scheduled"
    assert told(aws, scheduled)["ReservedCapacitySummaries"][0]["Status"] == "Scheduled"
    client, again = aws("sagemaker"), {"TrainingPlanOfferingId": now["TrainingPlanOfferingId"]}
    with pytest.raises(ClientError, match="already exists"):
        client.create_training_plan(TrainingPlanName=found["TrainingPlanName"], **again)
    with pytest.raises(ClientError, match="not found or has expired"):
        client.create_training_plan(TrainingPlanName="another", TrainingPlanOfferingId=later["TrainingPlanOfferingId"])
    listed = client.list_training_plans(Filters=[{"Name": "Status", "Value": "Scheduled"}])["TrainingPlanSummaries"]
    assert scheduled in {each["TrainingPlanArn"] for each in listed}
    assert plan not in {each["TrainingPlanArn"] for each in listed}
    first, last = client.list_training_plans(SortOrder="Descending")["TrainingPlanSummaries"][:: len(listed) or 1][:2]
    assert first["StartTime"] >= last["StartTime"]


def test_a_payment_that_fails_reserves_nothing(aws: Clients, place: Place) -> None:
    plan = buy(aws, offered(aws)[0], name="fault-unpaid")
    assert (told(aws, plan)["Status"], "Payment failed" in told(aws, plan)["StatusMessage"]) == ("Failed", True)
    with pytest.raises(ClientError, match="is Failed"):
        aws("sagemaker").create_training_job(**job(aws, place, plan))


def test_quotas_bound_plans_and_what_they_reserve(emulator_url: str, aws: Clients, few: dict[str, float]) -> None:
    quota = "Number of ml.p4d.24xlarge instances in reserved capacity across training plans per Region"
    wanted = {"InstanceType": "ml.p4d.24xlarge"}
    (offer, *_) = offered(aws, **wanted)
    set_quotas(emulator_url, {quota: 3})
    buy(aws, offer)
    with pytest.raises(ClientError, match="reserved capacity across training plans per Region' is 3"):
        offered(aws, **wanted)
    set_quotas(emulator_url, {"L-867702E6": 0})
    with pytest.raises(ClientError, match="'Number of training plans per Region' is 0 Plans"):
        buy(aws, offered(aws)[0])


def test_a_job_takes_instances_of_its_plan_and_gives_them_back(aws: Clients, place: Place) -> None:
    plan, client = active(aws), aws("sagemaker")
    first = job(aws, place, plan)
    client.create_training_job(**first)
    assert (told(aws, plan)["AvailableInstanceCount"], told(aws, plan)["InUseInstanceCount"]) == (0, 2)
    name = f"second-{uuid4().hex[:8]}"
    client.create_training_job(**job(aws, place, plan, count=1) | {"TrainingJobName": name})
    assert eventually(lambda: state(aws, name) == "Failed", PATIENCE)
    assert "InsufficientCapacity" in client.describe_training_job(TrainingJobName=name)["FailureReason"]
    client.stop_training_job(TrainingJobName=first["TrainingJobName"])
    assert eventually(lambda: state(aws, first["TrainingJobName"]) in OVER, PATIENCE)
    assert told(aws, plan)["AvailableInstanceCount"] == 2


def test_a_job_waits_for_its_plan_to_begin(aws: Clients, place: Place) -> None:
    plan, client = buy(aws, offered(aws)[1]), aws("sagemaker")
    asked = job(aws, place, plan, subnet=1)
    client.create_training_job(**asked)
    found = client.describe_training_job(TrainingJobName=asked["TrainingJobName"])
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("InProgress", "Pending")
    assert told(aws, plan)["InUseInstanceCount"] == 0
    client.stop_training_job(TrainingJobName=asked["TrainingJobName"])
    assert eventually(lambda: state(aws, asked["TrainingJobName"]) == "Stopped", PATIENCE)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"count": 4}, "reserves 2 instances, and 4"),
        ({"InstanceType": "ml.p4d.24xlarge"}, "reserves ml.p5.48xlarge, not ml.p4d.24xlarge"),
        ({"subnet": 1}, "is in us-east-1a; the subnets are in us-east-1b"),
        ({"TrainingPlanArn": ELSEWHERE}, "not found in this account"),
    ],
)
def test_a_job_that_its_plan_doesnt_fit_is_refused(
    aws: Clients, place: Place, changes: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ClientError, match=refusal):
        aws("sagemaker").create_training_job(**job(aws, place, active(aws), **changes))


def test_a_plan_is_for_jobs_or_for_clusters(aws: Clients, place: Place) -> None:
    client = aws("sagemaker")
    with pytest.raises(ClientError, match="is for training-job, and can't be used for hyperpod-cluster"):
        client.create_cluster(**cluster(aws, place, active(aws)))
    with pytest.raises(ClientError, match="is for hyperpod-cluster, and can't be used for training-job"):
        client.create_training_job(**job(aws, place, active(aws, TargetResources=["hyperpod-cluster"])))
    with pytest.raises(ClientError, match="not found"):
        told(aws, ELSEWHERE)


def test_a_group_is_in_service_and_empty_until_its_plan_begins(aws: Clients, place: Place) -> None:
    now, later, _ = offered(aws, TargetResources=["hyperpod-cluster"])
    plans = buy(aws, now), buy(aws, later)
    assert eventually(lambda: told(aws, plans[0])["Status"] == "Active", PATIENCE)
    counts = []
    client = aws("sagemaker")
    for plan, subnet in zip(plans, (0, 1), strict=True):
        asked = cluster(aws, place, plan, subnet=subnet)
        client.create_cluster(**asked)
        name = asked["ClusterName"]
        assert eventually(
            lambda name=name: client.describe_cluster(ClusterName=name)["ClusterStatus"] == "InService", PATIENCE
        )
        counts.append(client.describe_cluster(ClusterName=name)["InstanceGroups"][0]["CurrentCount"])
    assert counts == [2, 0]
    assert told(aws, plans[0])["AvailableInstanceCount"] == 0
    third = cluster(aws, place, plans[0], count=1)
    client.create_cluster(**third)
    name = third["ClusterName"]
    assert eventually(lambda: client.describe_cluster(ClusterName=name)["ClusterStatus"] == "Failed", PATIENCE)
    assert "sufficient capacity" in client.describe_cluster(ClusterName=name)["FailureMessage"]
