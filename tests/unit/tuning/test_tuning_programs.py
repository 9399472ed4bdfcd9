"""What the program registers in each state of the jobs, and how the gateway reaches what is served."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from components_kit import EXPIRES, Deployed, deploy, statements
from tuned_kit import examples, load, resolved_tuning, write_data

from llmstrat_iac.components.tuning.bedrock import hyperparameters
from llmstrat_iac.hookspecs import ProgramContext, ResolvedSpec
from llmstrat_iac.program import run
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import TUNING_SECRET, JobState, TuningJob, TuningState

MODEL, OBJECT = "aws:bedrock/customModel:CustomModel", "aws:s3/bucketObjectv2:BucketObjectv2"
SCHEDULE = "aws:scheduler/schedule:Schedule"
DEPLOYMENT = "pulumi-python:dynamic/llmstrat:CustomModelDeployment"
ARN = "arn:aws:bedrock:us-east-1:1:model-customization-job/base/1"
MODEL_ARN = "arn:aws:bedrock:us-east-1:1:custom-model/base/1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path / "train.jsonl", examples(40))
    return tmp_path


def job(identity: str, state: JobState = JobState.COMPLETED, **changes: Any) -> TuningJob:
    known = TuningJob(
        identity=identity,
        name=f"job-{identity}",
        vendor_id=ARN,
        state=state,
        model_id=MODEL_ARN if state is JobState.COMPLETED else None,
        inputs={
            "key": f"{identity}-1",
            "base_model": "amazon.nova-micro-v1:0:128k",
            "endpoint": "projects/p/locations/l/endpoints/1",
            "output": "s3://bucket/output",
        },
    )
    return replace(known, **changes)


def registered(resolved: ResolvedSpec, state: TuningState) -> Deployed:
    secrets = {TUNING_SECRET: "sk-test", **dict.fromkeys(resolved.providers, "sk-test")}
    context = ProgramContext(resolved, Target(), EXPIRES, secrets, state)
    return deploy(lambda: run(context))


def exported(deployed: Deployed) -> Mapping[str, Any]:
    tuning: Mapping[str, Any] = deployed.outputs["job"]
    return tuning


def test_first_run_uploads_and_starts(folder: Path) -> None:
    resolved = load(folder)
    deployed = registered(resolved, TuningState())
    identity = resolved_tuning(resolved).identity
    started = deployed.one(MODEL)
    assert started.name == f"tuning-{identity}-1"
    assert started.inputs["jobName"] == started.inputs["customModelName"] == resolved_tuning(resolved).job_name()
    assert started.inputs["tags"]["llmstrat:tuning-job"] == f"{identity}-1"
    assert f"{OBJECT}::tuning-{identity}-1-train" in started.dependencies
    assert deployed.of(DEPLOYMENT) == []
    assert deployed.outputs["models"] == ["support", "support-base"]
    assert exported(deployed)["served_identity"] is None
    assert "record of the job" in deployed.outputs["kept"][1]


def test_role_reads_one_bucket_for_this_accounts_jobs_only(folder: Path) -> None:
    deployed = registered(load(folder), TuningState())
    policy = deployed.one("aws:iam/rolePolicy:RolePolicy", "tuning")
    actions = {action for statement in statements(policy) for action in statement["Action"]}
    assert actions == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    role = deployed.one("aws:iam/role:Role", "tuning")
    assert role.inputs["path"] == "/llmstrat/tuned-dev/"
    assert "aws:SourceAccount" in role.inputs["assumeRolePolicy"]
    assert "model-customization-job/*" in role.inputs["assumeRolePolicy"]
    access = deployed.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert all(access.inputs[name] for name in ("blockPublicAcls", "blockPublicPolicy", "restrictPublicBuckets"))


def test_completed_job_is_deployed_and_its_data_goes(folder: Path) -> None:
    resolved = load(folder)
    current = job(resolved_tuning(resolved).identity)
    deployed = registered(resolved, TuningState(current))
    assert deployed.of(OBJECT) == []
    assert deployed.one(DEPLOYMENT).inputs["model_arn"] == MODEL_ARN
    assert f"{MODEL}::tuning-{current.identity}-1" in deployed.one(DEPLOYMENT).dependencies
    assert exported(deployed)["served_identity"] == current.identity


def test_old_model_serves_while_new_data_trains(folder: Path) -> None:
    resolved = load(folder)
    old = job("aaaaaaaaaaaa")
    deployed = registered(resolved, TuningState(None, old))
    assert {model.name for model in deployed.of(MODEL)} == {
        "tuning-aaaaaaaaaaaa-1",
        f"tuning-{resolved_tuning(resolved).identity}-1",
    }
    assert deployed.one(DEPLOYMENT).name == "tuning-aaaaaaaaaaaa-1"
    assert exported(deployed)["served_identity"] == "aaaaaaaaaaaa"


def test_known_job_keeps_its_names_when_the_alias_changes(folder: Path) -> None:
    consumers = {"consumers": [{"name": "web", "models": ["other"]}]}
    resolved = load(folder, tuning={"alias": "other"}, endpoint=consumers)
    current = job(resolved_tuning(resolved).identity, JobState.RUNNING, name="started-as-this")
    assert registered(resolved, TuningState(current)).one(MODEL).inputs["jobName"] == "started-as-this"


def test_without_fallback_nothing_answers_until_it_is_completed(folder: Path) -> None:
    deployed = registered(load(folder, tuning={"fallback_to_base": False}), TuningState())
    assert deployed.outputs["models"] == []
    assert deployed.outputs["consumers"] == {"web": []}


def test_a_model_may_fall_back_to_the_tuned_one(folder: Path) -> None:
    providers = [
        {
            "name": "openai",
            "credentials": {"secret": "env:OPENAI_API_KEY"},
            "models": [{"alias": "chat", "id": "gpt-5.2", "fallbacks": ["support"]}],
        }
    ]
    resolved = load(folder, tuning={"fallback_to_base": False}, providers=providers)
    assert registered(resolved, TuningState()).outputs["models"] == ["chat"]
    current = job(resolved_tuning(resolved).identity)
    assert registered(resolved, TuningState(current)).outputs["models"] == ["chat", "support"]


def test_provisioned_throughput_without_commitment(folder: Path) -> None:
    resolved = load(folder, tuning={"options": {"throughput": "provisioned", "model_units": 2}})
    deployed = registered(resolved, TuningState(job(resolved_tuning(resolved).identity)))
    throughput = deployed.one("aws:bedrock/provisionedModelThroughput:ProvisionedModelThroughput")
    assert throughput.inputs["modelUnits"] == 2
    assert "commitmentDuration" not in throughput.inputs
    (stop,) = (each.inputs for each in deployed.of(SCHEDULE) if "throughput" in each.inputs["name"])
    assert stop["scheduleExpression"] == "at(2099-12-01T18:00:00)"
    assert stop["target"]["arn"].endswith(":aws-sdk:bedrock:deleteProvisionedModelThroughput")
    assert list(json.loads(stop["target"]["input"])) == ["ProvisionedModelId"]


@pytest.mark.parametrize(
    "options",
    [{"throughput": "on-demand"}, {"throughput": "provisioned", "commitment": "1-month", "accept_commitment": True}],
)
def test_what_cant_be_ended_or_isnt_billed_by_the_hour_has_no_end(folder: Path, options: dict[str, Any]) -> None:
    resolved = load(folder, tuning={"options": options})
    deployed = registered(resolved, TuningState(job(resolved_tuning(resolved).identity)))
    assert ["relay" in each.inputs["name"] for each in deployed.of(SCHEDULE)] == [True]


def test_sagemaker_speaks_the_apis_words(folder: Path) -> None:
    deployed = registered(load(folder, "sagemaker"), TuningState())
    started = deployed.one("aws:sagemaker/trainingJob:TrainingJob")
    config = started.inputs["serverlessJobConfig"]
    assert (config["jobType"], config["customizationTechnique"], config["peft"]) == ("FineTuning", "SFT", "LORA")
    assert config["baseModelArn"].endswith("/SageMakerPublicHub/Model/huggingface-reasoning-qwen3-8b")
    assert started.inputs["hyperParameters"]["max_epochs"] == "3"
    assert "sagemaker" in deployed.one("aws:s3/bucket:Bucket").inputs["bucket"]


def test_gemini_reaches_base_and_tuned_model_with_one_key(folder: Path) -> None:
    resolved = load(folder, "gemini", tuning={"credentials": {"secret": "env:GOOGLE_CREDENTIALS"}})
    deployed = registered(resolved, TuningState(job(resolved_tuning(resolved).identity)))
    assert len(deployed.of("aws:secretsmanager/secret:Secret")) == 1
    request = deployed.one("pulumi-python:dynamic/llmstrat:GeminiJob").inputs["request"]
    assert request["supervisedTuningSpec"]["exportLastCheckpointOnly"] is True


def test_no_key_is_among_the_inputs(folder: Path) -> None:
    for vendor in ("openai", "gemini"):
        changes = {"tuning": {"credentials": {"secret": "env:GOOGLE_CREDENTIALS"}}} if vendor == "gemini" else {}
        deployed = registered(load(folder, vendor, **changes), TuningState())
        inputs = [each.inputs for each in deployed.registrations if "dynamic/llmstrat:" in each.type]
        assert "sk-test" not in str(inputs)


def test_hyperparameters_as_bedrock_names_them(folder: Path) -> None:
    tuning = resolved_tuning(load(folder, tuning={"hyperparameters": {"epochs": 3, "learning_rate": 0.00002}}))
    assert hyperparameters(tuning) == {
        "epochCount": "3",
        "learningRate": "0.00002",
        "learningRateWarmupSteps": "10",
    }
