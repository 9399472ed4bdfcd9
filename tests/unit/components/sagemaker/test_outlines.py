"""`plan` announces exactly what SageMaker's programs register, and refuses what SageMaker would, or would hang on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from components_kit import Deployed
from sagemaker_kit import (
    GATED,
    OPEN,
    SERVING,
    TRAINING,
    known_job,
    resolve,
    run_serving,
    run_training,
    serving_of,
    training_of,
)

from llmstrat_iac.plan import PlannedResource, Severity
from llmstrat_iac.tuning import JobState, TuningState

ZERO = {"options": {"scale_to_zero": True}, "replicas": {"min": 0, "max": 2}}
HOURS = {"start": "0 7 * * 1-5", "stop": "0 19 * * 1-5", "timezone": "Europe/Berlin", "hours_per_week": 60}


def counted(deployed: Deployed) -> Counter[str]:
    return Counter(each.type for each in deployed.registrations)


def planned(resources: Iterable[PlannedResource]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in resources:
        total[each.type] += each.count
    return total


@pytest.mark.parametrize(
    "serving",
    [
        {},
        {"paused": True},
        {"replicas": {"min": 1, "max": 3}},
        ZERO,
        {**ZERO, "hours": HOURS},
        {**ZERO, "paused": True},
    ],
    ids=["plain", "paused", "scaling", "zero", "hours", "zero-paused"],
)
@pytest.mark.parametrize("ttl", ["24h", "never"])
def test_the_outline_of_serving_is_what_it_registers(tmp_path: Path, serving: dict[str, Any], ttl: str) -> None:
    resolved = resolve(tmp_path, serving=SERVING | serving, limits={"ttl": ttl})
    plan = serving_of(resolved).runtime.plan_serving(serving_of(resolved))
    assert planned(plan.resources) == counted(run_serving(resolved)[0])


def test_weights_in_s3_are_served_from_where_they_are(tmp_path: Path) -> None:
    model = {"alias": "main", "id": "s3://models/llama/", "base": GATED["id"], "accept_licence": "llama3.1"}
    resolved = resolve(tmp_path, model=model, serving=SERVING)
    plan = serving_of(resolved).runtime.plan_serving(serving_of(resolved))
    deployed, _ = run_serving(resolved)
    assert planned(plan.resources) == counted(deployed)
    assert not deployed.of("pulumi-python:dynamic/llmstrat:HubCopy")
    source = deployed.one("aws:sagemaker/model:Model").inputs["primaryContainer"]["modelDataSource"]
    assert source["s3DataSources"] == [
        {"s3Uri": "s3://models/llama/", "s3DataType": "S3Prefix", "compressionType": "None"}
    ]


@pytest.mark.parametrize("validation", [False, True])
@pytest.mark.parametrize("ttl", ["24h", "never"])
def test_the_outline_of_training_is_what_it_registers(tmp_path: Path, validation: bool, ttl: str) -> None:
    dataset = {"train": "train.jsonl"} | ({"validation": "validation.jsonl"} if validation else {})
    resolved = resolve(tmp_path, training={**TRAINING, "dataset": dataset}, limits={"ttl": ttl})
    plan = training_of(resolved).runtime.plan_training(training_of(resolved))
    assert planned(plan.resources) == counted(run_training(resolved))


def test_a_completed_training_keeps_its_record_and_nothing_that_it_read(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, training=TRAINING)
    deployed = run_training(resolved, TuningState(known_job(resolved, JobState.COMPLETED)))
    assert set(counted(deployed)) == {
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:sagemaker/trainingJob:TrainingJob",
    }


@pytest.mark.parametrize(
    ("blocks", "rule", "path", "words"),
    [
        (
            {"serving": SERVING | {"options": {"inference_ami": "al2-ami-sagemaker-inference-gpu-3-1"}}},
            "sagemaker.cuda", "serving.options.inference_ami", "needs CUDA 13.0",
        ),
        ({"serving": SERVING | {"hours": HOURS}}, "sagemaker.zero", "serving.hours", "no instances"),
        (
            {"serving": SERVING | {"replicas": {"min": 0, "max": 1}}},
            "sagemaker.zero", "serving.replicas.min", "no instances",
        ),
        (
            {"serving": SERVING | ZERO | {"hours": HOURS | {"start": "0 7 1 * 1"}}},
            "sagemaker.hours", "serving.hours.start", "days of the month and of the week",
        ),
        ({"training": TRAINING | {"max_duration": "40d"}}, "sagemaker.duration", "training.max_duration", "28 days"),
        ({"training": TRAINING | {"max_duration": "never"}}, "sagemaker.duration", "training.max_duration", "28 days"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_at_plan(
    tmp_path: Path, blocks: dict[str, Any], rule: str, path: str, words: str
) -> None:
    resolved = resolve(tmp_path, **blocks)
    part = serving_of(resolved) if "serving" in blocks else training_of(resolved)
    plan = part.runtime.plan_serving(part) if "serving" in blocks else part.runtime.plan_training(part)
    errors = [each for each in plan.findings if each.severity is Severity.ERROR]
    assert [(each.rule, each.path) for each in errors] == [(rule, path)]
    assert words in errors[0].message
    assert errors[0].remedy


def test_more_adapters_than_data_sources_are_refused(tmp_path: Path) -> None:
    adapters = [{"alias": f"a{n}", "source": f"s3://adapters/{n}/", "rank": 8} for n in range(5)]
    resolved = resolve(tmp_path, training=TRAINING, serving=SERVING | {"adapters": adapters})
    plan = serving_of(resolved).runtime.plan_serving(serving_of(resolved))
    assert [each.rule for each in plan.findings if each.severity is Severity.ERROR] == ["sagemaker.adapters"]


def test_a_job_beyond_the_usual_quota_is_a_warning(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, training=TRAINING | {"max_duration": "6d"})
    plan = training_of(resolved).runtime.plan_training(training_of(resolved))
    assert [(each.rule, each.severity) for each in plan.findings] == [("sagemaker.duration", Severity.WARNING)]


def test_an_image_that_does_not_say_its_cuda_is_a_warning(tmp_path: Path) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own/vllm:1"
    resolved = resolve(tmp_path, serving=SERVING | {"options": {"image": image}})
    plan = serving_of(resolved).runtime.plan_serving(serving_of(resolved))
    assert ("sagemaker.cuda", Severity.WARNING) in [(each.rule, each.severity) for each in plan.findings]


def test_the_model_that_is_open_and_the_one_that_is_gated_are_planned_alike(tmp_path: Path) -> None:
    """Both are copied: no container is ever given a token."""
    plans = []
    for model in (OPEN, GATED):
        serving = serving_of(resolve(tmp_path, model=model, serving=SERVING))
        plans.append(planned(serving.runtime.plan_serving(serving).resources))
    assert plans[0] == plans[1]
