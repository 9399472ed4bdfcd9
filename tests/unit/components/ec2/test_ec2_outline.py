"""The plan of the ec2 runtime: exactly what is registered, for every shape that changes it, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from components_kit import Deployed
from ec2_kit import HUB_MODEL, S3_MODEL, SERVING, TRAINING, resolve, served, serving_of, trained, training_of

from llmstrat_iac.components.ec2.egress import serving_image
from llmstrat_iac.plan import Basis, Finding, PlannedResource, Severity, StackPlan
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


def serving_findings(folder: Path, **changes: Any) -> dict[str, Finding]:
    return {each.rule: each for each in fleet_plan(folder, **changes).findings}


@pytest.mark.parametrize(
    ("image", "instance", "severity", "words"),
    [
        ("vllm/vllm-openai:v0.27.1-cu130", "g6e.xlarge", None, ""),
        ("vllm/vllm-openai:v0.19.0-cu128", "g6e.xlarge", None, ""),
        ("vllm/vllm-openai:v0.40.0-cu140", "g6e.xlarge", Severity.ERROR, "CUDA 14.0, and AWS's machine image has 13.2"),
        ("vllm/vllm-openai:v0.9.0-cu126", "g7e.2xlarge", Severity.ERROR, "CUDA 12.6, and g7e.2xlarge's"),
        ("vllm/vllm-openai:v0.9.0-cu126", "g6e.xlarge", None, ""),
        ("vllm/vllm-openai:latest", "g6e.xlarge", Severity.WARNING, "doesn't say which CUDA"),
    ],
)
def test_a_containers_cuda_must_suit_driver_and_gpu(
    image: str, instance: str, severity: Severity | None, words: str, tmp_path: Path
) -> None:
    found = serving_findings(tmp_path, instance=instance, options={"image": image}).get("ec2.cuda")
    assert (found and found.severity) == severity
    assert found is None or words in found.message
    trained = plan_training(training_of(resolve(tmp_path, training=TRAINING | {"instance": "g6e.xlarge"})))
    assert trained.findings == (), "the default image suits"


def test_another_machine_image_may_have_a_newer_driver(tmp_path: Path) -> None:
    options = {"image": "vllm/vllm-openai:v0.40.0-cu140", "ami": "ami-00000001"}
    assert "ec2.cuda" not in serving_findings(tmp_path, options=options)


@pytest.mark.parametrize(("model", "refused"), [(S3_MODEL, True), (HUB_MODEL, False)], ids=["s3", "hub"])
def test_bitsandbytes_reads_no_s3(model: dict[str, Any], refused: bool, tmp_path: Path) -> None:
    found = serving_findings(tmp_path, model=model, quantization="bitsandbytes")
    assert ("bitsandbytes-from-s3" in found) is refused


def test_images_are_in_each_regions_own_registry(tmp_path: Path) -> None:
    serving = serving_of(resolve(tmp_path, model=S3_MODEL, serving=SERVING, region="eu-south-1"))
    assert serving_image(serving).startswith("692866216735.dkr.ecr.eu-south-1.amazonaws.com/vllm:")


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
