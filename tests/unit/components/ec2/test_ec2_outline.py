"""The plan of the ec2 runtime: exactly what is registered, for every shape that changes it, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from components_kit import Deployed
from ec2_kit import HUB_MODEL, S3_MODEL, SERVING, TRAINING, resolve, served, serving_of, trained, training_of

from llmstrat_iac.plan import Basis, PlannedResource, Severity, StackPlan
from llmstrat_iac.runtimes.ec2.outline import plan_serving, plan_training

HOURS = {"start": "0 7 * * 1-5", "stop": "0 19 * * 1-5", "hours_per_week": 42}
WORKSPACE = {"aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"}
_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def planned(resources: Iterable[PlannedResource]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for each in resources:
        counted[each.type] += each.count
    return counted


def registered(deployed: Deployed) -> Counter[str]:
    """Without the bucket, which is the strategy's."""
    return Counter(each.type for each in deployed.registrations if each.type not in {*WORKSPACE, _ENCRYPTION})


@pytest.mark.parametrize("model", [HUB_MODEL, S3_MODEL], ids=["hub", "s3"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"replicas": {"min": 1, "max": 4}},
        {"hours": HOURS},
        {"paused": True, "hours": HOURS, "replicas": {"min": 1, "max": 4}},
        {"options": {"egress": "nat"}},
    ],
    ids=["plain", "scales", "hours", "paused", "nat"],
)
def test_the_fleet_is_registered_as_planned(model: dict[str, Any], changes: dict[str, Any], tmp_path: Path) -> None:
    serving = serving_of(resolve(tmp_path, model=model, serving=SERVING | changes))
    assert planned(plan_serving(serving).resources) == registered(served(tmp_path, model=model, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"capacity": "spot"},
        {"dataset": {"train": "train.jsonl", "validation": "train.jsonl"}},
        {"max_duration": "never"},
    ],
    ids=["on-demand", "spot", "validation", "never"],
)
def test_the_training_is_registered_as_planned(changes: dict[str, Any], tmp_path: Path) -> None:
    training = training_of(resolve(tmp_path, training=TRAINING | changes))
    assert planned(plan_training(training).resources) == registered(trained(tmp_path, **changes))


def fleet_plan(
    folder: Path, *, model: dict[str, Any] = HUB_MODEL, region: str = "us-east-1", **changes: Any
) -> StackPlan:
    return plan_serving(serving_of(resolve(folder, model=model, serving=SERVING | changes, region=region)))


def test_what_bills_beside_the_instances_is_named_with_its_price(tmp_path: Path) -> None:
    costs = {line.item: line for line in fleet_plan(tmp_path).costs}
    nat = costs["NAT gateway of the fleet"]
    assert (nat.basis, nat.usd) == (Basis.HOUR, 0.045)
    assert costs["Application Load Balancer"].usd == 0.0225
    assert costs["EBS: fleet's disks"].usd == pytest.approx(200 * 0.08)
    assert all(line.source and line.as_of for line in costs.values())


def test_a_price_without_a_source_is_unknown_rather_than_another_regions(tmp_path: Path) -> None:
    costs = {line.item: line for line in fleet_plan(tmp_path, region="eu-central-1").costs}
    assert costs["NAT gateway of the fleet"].usd is None
    assert costs["EBS: fleet's disks"].usd == pytest.approx(200 * 0.0952)


def test_endpoints_are_billed_in_both_zones(tmp_path: Path) -> None:
    costs = {line.item: line for line in fleet_plan(tmp_path, model=S3_MODEL).costs}
    assert costs["Interface endpoints of the fleet"].usd == pytest.approx(7 * 2 * 0.01)
    assert not [item for item in costs if "NAT" in item]


def test_disks_exist_only_with_their_instances(tmp_path: Path) -> None:
    def disks(**changes: Any) -> float:
        return {line.item: line for line in fleet_plan(tmp_path, **changes).costs}["EBS: fleet's disks"].quantity

    assert disks(replicas={"min": 2, "max": 2}) == 400
    assert disks(hours=HOURS) == 50
    assert disks(paused=True) == 0


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"options": {"egress": "none"}}, "model.id"),
        (
            {
                "options": {"egress": "none"},
                "adapters": [{"alias": "a", "source": "org/adapter", "rank": 8, "revision": "a" * 40}],
            },
            "serving.adapters[0].source",
        ),
        ({"options": {"egress": "none", "image": "vllm/vllm-openai:v0.27.0"}}, "serving.options.image"),
    ],
)
def test_what_no_way_out_cant_reach_is_refused(changes: dict[str, Any], path: str, tmp_path: Path) -> None:
    found = {each.path: each for each in fleet_plan(tmp_path, **changes).findings}
    assert found[path].severity is Severity.ERROR
    assert found[path].remedy
