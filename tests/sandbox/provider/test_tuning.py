"""A custom model's and a training job's life on the real engine: started, refreshed, adopted, deleted in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cases_data import DATA
from cases_iam import IAM
from cases_tuning import TUNING, prerequisites
from provider_kit import QUIET, Bench
from sandbox_kit import eventually, standing_time

from llmstrat_iac.errors import EngineError

pytestmark = QUIET
Cloud = Callable[[str], Any]
CASES = {case.name: case for case in (*IAM, *DATA, *TUNING)}


def program(name: str, only: str, **more: Any) -> Callable[[], None]:
    """One tuning resource with what it needs; its jobs are called `name`."""

    def run() -> None:
        made: dict[str, Any] = {"home-bucket": aws.s3.Bucket("home-bucket", force_destroy=True)}
        blob = next(case for case in DATA if case.token.endswith(":BucketObjectv2"))
        for case in prerequisites(CASES["role"], blob):
            made[case.name] = case.make(made, changed=False, replaced=False)
        names = {"custom-model": ("custom_model_name", "job_name"), "training-job": ("training_job_name",)}[only]
        if only == "training-job":
            made["package-group"] = aws.sagemaker.ModelPackageGroup("group", model_package_group_name=f"{name}-group")
        inputs = {**CASES[only].inputs(made), **dict.fromkeys(names, name)}
        options = pulumi.ResourceOptions(import_=more.pop("import_", None), retain_on_delete=more.pop("retain", None))
        kinds: dict[str, Any] = {"custom-model": aws.bedrock.CustomModel, "training-job": aws.sagemaker.TrainingJob}
        kinds[only](only, **{**inputs, **more}, opts=options)

    return run


def outputs(stack: Any, name: str) -> dict[str, Any]:
    return dict(stack.state()[name]["outputs"])


def test_a_custom_model_completes_under_refresh_and_goes(bench: Bench, cloud: Cloud) -> None:
    stack, bedrock = bench.stack(), cloud("bedrock")
    with standing_time():
        stack.up(program("engine-done", "custom-model"))
    assert outputs(stack, "custom-model")["jobStatus"] == "InProgress"
    job = outputs(stack, "custom-model")["jobArn"]
    assert eventually(lambda: bedrock.get_model_customization_job(jobIdentifier=job)["status"] == "Completed")
    stack.refresh()
    refreshed = outputs(stack, "custom-model")
    assert refreshed["jobStatus"] == "Completed"
    assert refreshed["trainingMetrics"][0]["trainingLoss"] > 0
    model = refreshed["customModelArn"]
    assert stack.up(program("engine-done", "custom-model")).changed == {}
    stack.destroy()
    with pytest.raises(Exception, match=r"ResourceNotFound|not found"):
        bedrock.get_custom_model(modelIdentifier=model)


def test_a_running_job_is_stopped(bench: Bench, cloud: Cloud) -> None:
    stack = bench.stack()
    stack.up(program("engine-fault-slow", "custom-model"))
    job = outputs(stack, "custom-model")["jobArn"]
    stack.destroy()
    assert cloud("bedrock").get_model_customization_job(jobIdentifier=job)["status"] == "Stopped"


def test_a_job_is_adopted_by_its_arn(bench: Bench, cloud: Cloud) -> None:
    first = bench.stack("first")
    first.up(program("adopted-fault-slow", "custom-model", retain=True))
    job = outputs(first, "custom-model")["jobArn"]
    asked = cloud("bedrock").get_model_customization_job(jobIdentifier=job)
    again = {
        "role_arn": asked["roleArn"],
        "training_data_config": {"s3_uri": asked["trainingDataConfig"]["s3Uri"]},
        "validation_data_config": {"validators": [{"s3_uri": asked["trainingDataConfig"]["s3Uri"]}]},
        "output_data_config": {"s3_uri": asked["outputDataConfig"]["s3Uri"]},
    }
    second = bench.stack("second")
    second.up(program("adopted-fault-slow", "custom-model", import_=job, **again))
    assert outputs(second, "custom-model")["jobArn"] == job


def test_a_base_model_must_be_an_arn(bench: Bench) -> None:
    with pytest.raises(EngineError, match="must be an ARN"):
        bench.stack().up(program("short", "custom-model", base_model_identifier="amazon.nova-micro-v1:0:128k"))


def test_a_training_job_leaves_its_package_unless_told_otherwise(bench: Bench, cloud: Cloud) -> None:
    stack, sagemaker = bench.stack(), cloud("sagemaker")
    stack.up(program("engine-training", "training-job", delete_model_packages_on_destroy=True))

    def packages() -> list[Any]:
        sagemaker.list_training_jobs()
        found = sagemaker.list_model_packages(ModelPackageGroupName="engine-training-group")
        return list(found["ModelPackageSummaryList"])

    assert eventually(packages)
    stack.destroy()
    assert not sagemaker.list_training_jobs(NameContains="engine-training")["TrainingJobSummaries"]
    assert not sagemaker.list_model_package_groups(NameContains="engine-training")["ModelPackageGroupSummaryList"]
