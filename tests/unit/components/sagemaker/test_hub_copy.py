"""The job that copies models: started once, waited for, and started anew after a failure."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import validate_parameters

from llmstrat_iac.components.sagemaker.hub_copy import HubCopyProvider, copy_models

PROPS: dict[str, Any] = {
    "models": "[]",
    "job_name": "support-dev-hub-copy-0123456789ab",
    "bucket": "artifacts",
    "region": "us-east-1",
    "folder": "s3://artifacts/hub/0123456789ab/",
    "role_arn": "arn:aws:iam::123456789012:role/llmstrat/support-dev/copy",
    "image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cpu-amzn2023-sagemaker",
    "token_secret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hf",
    "volume_gb": 116,
    "tags": {"llmstrat:stack": "support-dev"},
}


class SageMaker:
    """Answers the states in turn; checks requests against botocore's model."""

    def __init__(self, *states: str, running: str | None = None) -> None:
        self.created: list[dict[str, Any]] = []
        self._states = list(states)
        self._running = running

    def list_training_jobs(self, **asked: Any) -> dict[str, Any]:
        assert asked == {"NameContains": PROPS["job_name"], "StatusEquals": "InProgress"}
        return {"TrainingJobSummaries": [{"TrainingJobName": self._running}] if self._running else []}

    def create_training_job(self, **asked: Any) -> None:
        shape = get_session().get_service_model("sagemaker").operation_model("CreateTrainingJob").input_shape
        validate_parameters(asked, shape)
        self.created.append(asked)

    def describe_training_job(self, **asked: Any) -> dict[str, Any]:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        uri = f"{PROPS['folder']}output/{asked['TrainingJobName']}/output/model"
        return {
            "TrainingJobStatus": state,
            "ModelArtifacts": {"S3ModelArtifacts": uri},
            "FailureReason": "AlgorithmError: 401",
        }


def test_the_copy_is_waited_for_and_says_where_it_is() -> None:
    client, pauses = SageMaker("InProgress", "InProgress", "Completed"), []
    output = copy_models(client, PROPS, sleep=pauses.append)
    (job,) = client.created
    assert output == f"{PROPS['folder']}output/{job['TrainingJobName']}/output/model/"
    assert len(pauses) == 2
    assert len(job["TrainingJobName"]) <= 63
    assert job["Environment"] == {"LLMSTRAT_TOKEN_SECRET": PROPS["token_secret"]}
    assert job["OutputDataConfig"]["CompressionType"] == "NONE"
    assert job["Tags"] == [{"Key": "llmstrat:stack", "Value": "support-dev"}]


def test_an_interrupted_up_waits_for_the_job_that_it_has_begun() -> None:
    client = SageMaker("Completed", running=f"{PROPS['job_name']}-1700000000")
    assert "-1700000000/" in copy_models(client, PROPS, sleep=lambda _: None)
    assert not client.created


def test_a_failure_says_why_and_the_next_up_starts_another() -> None:
    client = SageMaker("Failed")
    with pytest.raises(RuntimeError, match="AlgorithmError: 401"):
        copy_models(client, PROPS, sleep=lambda _: None)
    with pytest.raises(RuntimeError):
        copy_models(client, PROPS, sleep=lambda _: None)
    assert len(client.created) == 2


def test_a_job_that_needs_no_token_names_no_secret() -> None:
    client = SageMaker("Completed")
    copy_models(client, PROPS | {"token_secret": None}, sleep=lambda _: None)
    assert client.created[0]["Environment"] == {}


@pytest.mark.parametrize(("change", "replaced"), [({"models": "[1]"}, True), ({"image": "other"}, False)])
def test_other_models_are_another_copy_and_a_newer_container_is_not(change: dict[str, Any], replaced: bool) -> None:
    """Old ones go last: what serves reads them until then."""
    diff = HubCopyProvider().diff("id", PROPS, PROPS | change)
    assert bool(diff.replaces) is replaced
    assert not diff.delete_before_replace
