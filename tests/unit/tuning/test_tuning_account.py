"""What vendors say before a tuning starts, and what is looked for when it is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aws_fakes import FakeAccount, FakeClient, error
from tuned_kit import examples, load, resolved_tuning, write_data
from vendor_fakes import FakeApi

from llmstrat_iac.components.tuning import (
    bedrock_preflight,
    bedrock_sweep,
    sagemaker_preflight,
    sagemaker_sweep,
    upload,
)
from llmstrat_iac.components.tuning.names import TAG_RETAINED, TuningNames
from llmstrat_iac.components.tuning.state import failed, with_fingerprints
from llmstrat_iac.components.tuning.vendor_api import VendorError
from llmstrat_iac.components.tuning.vendor_leftovers import VendorFound, sweep_vendor
from llmstrat_iac.datasets.findings import DatasetError
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.operations.tuning import what_up_does
from llmstrat_iac.plan import Severity
from llmstrat_iac.tuning import JobState, TuningJob, TuningState

BASE = "amazon.nova-micro-v1:0:128k"
NO_BUCKET: dict[str, dict[str, Any]] = {
    "s3": {"head_bucket": error("404")},
    "sts": {"get_caller_identity": {"Account": "1"}},
}
OURS = [{"key": "llmstrat:stack", "value": "tuned-dev"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_data(tmp_path / "train.jsonl", examples(40))
    return tmp_path


def foundation(*models: dict[str, Any]) -> FakeAccount:
    return FakeAccount({"bedrock": {"list_foundation_models": {"modelSummaries": list(models)}}})


def test_base_that_is_active_is_fine(folder: Path) -> None:
    account = foundation({"modelId": BASE, "modelLifecycle": {"status": "ACTIVE"}})
    assert list(bedrock_preflight.preflight(load(folder), account)) == []


@pytest.mark.parametrize(
    ("models", "severity", "says"),
    [
        ([], Severity.ERROR, "doesn't tune"),
        (
            [
                {
                    "modelId": BASE,
                    "modelLifecycle": {"status": "LEGACY", "endOfLifeTime": datetime(2027, 1, 2, tzinfo=UTC)},
                }
            ],
            Severity.WARNING,
            "retires on 2027-01-02",
        ),
    ],
)
def test_base_that_wont_do(folder: Path, models: list[dict[str, Any]], severity: Severity, says: str) -> None:
    (finding,) = bedrock_preflight.preflight(load(folder), foundation(*models))
    assert finding.severity is severity
    assert says in finding.message


def test_hub_without_the_base(folder: Path) -> None:
    account = FakeAccount({"sagemaker": {"describe_hub_content": error("ResourceNotFound")}})
    (finding,) = sagemaker_preflight.preflight(load(folder, "sagemaker"), account)
    assert finding.severity is Severity.ERROR


class Account(FakeAccount):
    """An account whose clients know their region."""

    def client(self, service_name: str) -> FakeClient:
        client = super().client(service_name)
        client.__dict__["meta"] = SimpleNamespace(region_name="us-east-1")
        return client


def bedrock_account(tags: list[dict[str, str]]) -> FakeAccount:
    answers = {
        "list_provisioned_model_throughputs": {
            "provisionedModelSummaries": [{"provisionedModelArn": "arn:t", "provisionedModelName": "t"}]
        },
        "list_custom_model_deployments": {
            "modelDeploymentSummaries": [{"customModelDeploymentArn": "arn:d", "customModelDeploymentName": "d"}]
        },
        "list_model_customization_jobs": {"modelCustomizationJobSummaries": [{"jobArn": "arn:j", "jobName": "j"}]},
        "list_custom_models": {"modelSummaries": [{"modelArn": "arn:m", "modelName": "m"}]},
        "list_tags_for_resource": {"tags": tags},
    }
    return Account({"bedrock": answers, **NO_BUCKET})


def swept(account: FakeAccount, *, remove: bool) -> list[str]:
    return [leftover.type for leftover in bedrock_sweep.sweep("tuned-dev", account, remove=remove)]


def test_sweep_removes_what_bills_first() -> None:
    account = bedrock_account(OURS)
    assert swept(account, remove=True)[:4] == [
        "bedrock provisioned throughput",
        "bedrock custom model deployment",
        "bedrock customization job",
        "bedrock custom model",
    ]
    assert account.operations("delete", "stop") == [
        "delete_provisioned_model_throughput",
        "delete_custom_model_deployment",
        "stop_model_customization_job",
        "delete_custom_model",
    ]


def test_sweep_leaves_what_is_not_ours_or_was_to_stay() -> None:
    foreign = bedrock_account([{"key": "llmstrat:stack", "value": "another"}])
    assert "bedrock custom model" not in swept(foreign, remove=True)
    assert foreign.operations("delete", "stop") == []
    retained = bedrock_account([*OURS, {"key": TAG_RETAINED, "value": "true"}])
    assert "bedrock custom model" not in swept(retained, remove=True)
    assert "delete_custom_model" not in retained.operations("delete")


def test_sweep_of_sagemaker_empties_groups() -> None:
    tags = {"Tags": [{"Key": "llmstrat:stack", "Value": "tuned-dev"}]}
    answers = {
        "list_model_package_groups": {
            "ModelPackageGroupSummaryList": [{"ModelPackageGroupName": "g", "ModelPackageGroupArn": "arn:g"}]
        },
        "list_model_packages": {"ModelPackageSummaryList": [{"ModelPackageArn": "arn:p"}]},
        "list_tags": tags,
    }
    account = Account({"sagemaker": answers, **NO_BUCKET})
    list(sagemaker_sweep.sweep("tuned-dev", account, remove=True))
    assert account.operations("delete") == ["delete_model_package", "delete_model_package_group"]


def test_vendor_that_cannot_be_asked_is_not_clean() -> None:
    def refuse() -> FakeApi:
        raise VendorError("no key", status=401, remedy="")

    (leftover,) = sweep_vendor("openai", lambda _: (), refuse, remove=True)
    assert (leftover.removed, leftover.detail) == (False, "couldn't be checked: no key")


def test_vendor_that_will_not_delete_is_not_clean() -> None:
    def refuse() -> None:
        raise VendorError("busy", status=409, remedy="")

    found = VendorFound("openai model", "ft:m", "", billed=False, remove=refuse)
    (leftover,) = sweep_vendor("openai", lambda _: (found,), FakeApi, remove=True)
    assert (leftover.removed, leftover.detail) == (False, "couldn't be removed: busy")


def test_bucket_names_fit_and_differ_by_account() -> None:
    longest = TuningNames("a" * 37)
    names = {longest.bucket(account, "us-east-1", infix="sagemaker") for account in ("1", "2")}
    assert len(names) == 2
    assert max(map(len, names)) <= 63


def test_dataset_is_converted_once_and_only_as_it_was_checked(folder: Path) -> None:
    tuning = resolved_tuning(load(folder))
    assert tuning.train.content_hash
    files = upload.converted_files(tuning, FakeAccount({}))
    assert b"bedrock-conversation-2024" in files["train"].read_bytes()
    assert upload.converted_files(tuning, FakeAccount({})) == files

    changed = resolved_tuning(load(folder, tuning={"hyperparameters": {"epochs": 1}}))
    write_data(folder / "train.jsonl", examples(41))
    assert changed.train.content_hash
    write_data(folder / "train.jsonl", examples(42))
    with pytest.raises(DatasetError, match="changed while it was read"):
        upload.converted_files(changed, FakeAccount({}))


def test_s3_dataset_is_known_by_what_s3_says(folder: Path) -> None:
    resolved = load(folder, tuning={"dataset": {"train": "s3://bucket/train.jsonl"}})
    head = {"ETag": '"abc"', "ContentLength": 7}
    known = with_fingerprints(resolved, FakeAccount({"s3": {"head_object": head}}))
    assert resolved_tuning(known).train.fingerprint == "abc:7"
    with pytest.raises(LlmstratError, match=r"s3://bucket/train\.jsonl"):
        with_fingerprints(resolved, FakeAccount({"s3": {"head_object": error("404")}}))


def job(state: JobState, **changes: Any) -> TuningJob:
    return TuningJob("a", "the-job", "v", state, **changes)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (TuningState(), "starts a job: there is none for this data yet"),
        (TuningState(attempt=2), "starts a job: attempt 2, since the one before has failed or was cancelled"),
        (TuningState(None, job(JobState.COMPLETED)), "the-job serves until it is completed"),
        (TuningState(job(JobState.RUNNING)), "is running; run `up` again"),
        (TuningState(job(JobState.COMPLETED)), "is completed and is served"),
        (TuningState(job(JobState.COMPLETED), deploy=False), "`up --deploy` does"),
        (TuningState(job(JobState.FAILED, failure="bad line")), "has failed (bad line); `up --retry`"),
        (TuningState(job(JobState.CANCELLED)), "was cancelled; `up --retry`"),
    ],
)
def test_up_says_what_it_does(state: TuningState, says: str) -> None:
    assert says in what_up_does(state, None, "a", serves=True)


def test_failure_without_a_reason_says_so() -> None:
    assert "no reason is given" in failed(job(JobState.FAILED)).message


@pytest.mark.parametrize(
    ("current", "says"),
    [
        (None, "starts a job that tests the cluster, and trains nothing"),
        (JobState.RUNNING, "the-job tests the cluster; `accept` waits"),
        (JobState.COMPLETED, "the cluster was accepted; `accept --run` tests it again, `before-training` trains"),
        (JobState.FAILED, "the-job is failed: a slow link; `accept --run`"),
    ],
)
def test_up_says_what_a_test_does(current: JobState | None, says: str) -> None:
    failure = "a slow link" if current is JobState.FAILED else None
    state = TuningState(None if current is None else job(current, failure=failure))
    assert says in what_up_does(state, None, "gate0123abcd", serves=True)
