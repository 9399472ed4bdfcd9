"""What the dynamic resources do at the vendors: adopt before they make, wait, stop what runs, delete what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount
from vendor_fakes import FakeApi

from llmstrat_iac.components.tuning import gemini_resources, openai_resources
from llmstrat_iac.components.tuning.bedrock_deployment import DeploymentProvider, deploy, undeploy
from llmstrat_iac.components.tuning.imported_model import import_model
from llmstrat_iac.components.tuning.vendor_api import VendorError

DEPLOYMENT = {"customModelDeploymentArn": "arn:d", "status": "Active"}
METADATA = {"llmstrat_stack": "demo-dev", "llmstrat_job": "abc-1"}


class NotThereError(Exception):
    pass


class Bedrock:
    """Answers of `get` in turn; None is "not there"."""

    class exceptions:
        ResourceNotFoundException = NotThereError

    def __init__(self, *states: dict[str, Any] | None) -> None:
        self.states = list(states)
        self.calls: list[str] = []

    def get_custom_model_deployment(self, **_: str) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state is None:
            raise NotThereError
        return state

    def create_custom_model_deployment(self, **_: Any) -> dict[str, str]:
        self.calls.append("create")
        return {"customModelDeploymentArn": "arn:d"}

    def delete_custom_model_deployment(self, **_: str) -> None:
        self.calls.append("delete")


def deployed(bedrock: Bedrock) -> tuple[str, list[float]]:
    slept: list[float] = []
    arn = deploy(bedrock, name="n", model_arn="arn:m", tags={"a": "b"}, sleep=slept.append)
    return arn, slept


def test_deployment_is_created_and_waited_for() -> None:
    bedrock = Bedrock(None, DEPLOYMENT | {"status": "Creating"}, DEPLOYMENT)
    arn, slept = deployed(bedrock)
    assert (arn, bedrock.calls, len(slept)) == ("arn:d", ["create"], 1)


def test_deployment_that_is_there_is_adopted() -> None:
    bedrock = Bedrock(DEPLOYMENT)
    assert deployed(bedrock)[0] == "arn:d"
    assert bedrock.calls == []


def test_deployment_that_fails_is_removed_and_says_why() -> None:
    bedrock = Bedrock(None, DEPLOYMENT | {"status": "Failed", "failureMessage": "no capacity"})
    with pytest.raises(RuntimeError, match="no capacity"):
        deployed(bedrock)
    assert bedrock.calls == ["create", "delete"]


def test_undeploy_waits_until_it_is_gone() -> None:
    bedrock, slept = Bedrock(DEPLOYMENT, DEPLOYMENT, None), list[float]()
    undeploy(bedrock, "arn:d", sleep=slept.append)
    assert (bedrock.calls, len(slept)) == (["delete"], 1)
    gone = Bedrock(None)
    undeploy(gone, "arn:d", sleep=slept.append)
    assert gone.calls == []


def test_another_model_is_another_deployment_but_other_tags_are_not() -> None:
    provider, old = DeploymentProvider(), {"deployment_name": "n", "model_arn": "a", "region": "r", "tags": {"x": "1"}}
    assert provider.diff("id", old, old | {"tags": {}}).changes is False
    assert provider.diff("id", old, old | {"model_arn": "b"}).replaces == ["model_arn"]


def test_import_adopts_the_model_or_the_running_job() -> None:
    summaries = {"modelSummaries": [{"modelName": "m", "modelArn": "arn:m"}]}
    account = FakeAccount({"bedrock": {"list_imported_models": summaries}})
    arguments: dict[str, Any] = {"name": "m", "source": "s3://b/w/", "role_arn": "arn:r", "tags": {}}
    assert import_model(account.client("bedrock"), **arguments) == "arn:m"

    running = {"modelImportJobSummaries": [{"jobArn": "arn:j"}]}
    done = {"status": "Completed", "importedModelArn": "arn:n"}
    account = FakeAccount({"bedrock": {"list_model_import_jobs": running, "get_model_import_job": done}})
    assert import_model(account.client("bedrock"), **arguments) == "arn:n"
    assert account.operations("create") == []


def test_import_that_fails_says_why() -> None:
    answers = {
        "create_model_import_job": {"jobArn": "arn:j"},
        "get_model_import_job": {"status": "Failed", "failureMessage": "no config.json"},
    }
    account = FakeAccount({"bedrock": answers})
    with pytest.raises(RuntimeError, match=r"s3://b/w/: no config\.json"):
        import_model(account.client("bedrock"), name="m", source="s3://b/w/", role_arn="arn:r", tags={})


def openai(**things: Any) -> FakeApi:
    known = {"/files": {"data": []}, "/fine_tuning/jobs": {"data": []}}
    return FakeApi(things={**known, **things}, on_post=lambda _: {"id": "ftjob-new"})


def test_file_is_uploaded_once(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b'{"a": 1}\n')
    api = openai()
    assert openai_resources.upload_file(api, "demo.jsonl", path) == "file-1"
    body = api.posted[0]["body"]
    assert b'filename="demo.jsonl"' in body
    assert b'{"a": 1}\n' in body
    assert len(body) == int(api.posted[0]["content-length"])

    known = openai(**{"/files": {"data": [{"id": "file-0", "filename": "demo.jsonl", "bytes": 9}]}})
    assert openai_resources.upload_file(known, "demo.jsonl", path) == "file-0"
    assert known.did("UPLOAD") == []


def test_job_is_started_once() -> None:
    request = {"model": "m", "metadata": METADATA}
    assert openai_resources.start_job(openai(), request) == "ftjob-new"
    known = openai(**{"/fine_tuning/jobs": {"data": [{"id": "ftjob-0", "metadata": METADATA}]}})
    assert openai_resources.start_job(known, request) == "ftjob-0"
    assert known.did("POST") == []


def test_job_whose_answer_was_lost_is_found_again() -> None:
    made = {"data": [{"id": "ftjob-1", "metadata": METADATA}]}
    api = openai(**{"/fine_tuning/jobs": [{"data": []}, made]})

    def lose(_: str) -> Any:
        raise VendorError("HTTP 500", status=500, remedy="")

    api.on_post = lose
    assert openai_resources.start_job(api, {"metadata": METADATA}) == "ftjob-1"


def test_job_that_was_refused_stays_refused() -> None:
    api = openai()

    def refuse(_: str) -> Any:
        raise VendorError("HTTP 400: bad data", status=400, remedy="")

    api.on_post = refuse
    with pytest.raises(VendorError, match="bad data"):
        openai_resources.start_job(api, {"metadata": METADATA})


def test_running_job_is_cancelled_and_a_completed_ones_model_deleted() -> None:
    running = {"id": "j", "status": "running"}
    api = openai(**{"/fine_tuning/jobs/j": [running, running, running | {"status": "cancelled"}]})
    openai_resources.end_job(api, "j", sleep=lambda _: None)
    assert (api.did("POST"), api.did("DELETE")) == (["/fine_tuning/jobs/j/cancel"], [])

    done = openai(**{"/fine_tuning/jobs/j": {"id": "j", "status": "succeeded", "fine_tuned_model": "ft:m"}})
    openai_resources.end_job(done, "j")
    assert (done.did("POST"), done.did("DELETE")) == ([], ["/models/ft:m"])
    openai_resources.end_job(openai(), "unknown")


def test_moved_file_is_the_same_file() -> None:
    old = {"sha256": "a", "path": "/here"}
    assert openai_resources.FileProvider().diff("id", old, old | {"path": "/there"}).changes is False
    assert openai_resources.FileProvider().diff("id", old, old | {"sha256": "b"}).replaces == ["sha256"]
    assert openai_resources.JobProvider().diff("id", {"request": 1}, {"request": 2}).changes is False


def test_gemini_deletes_endpoints_before_the_model() -> None:
    job = {
        "name": "p/tuningJobs/1",
        "state": "JOB_STATE_SUCCEEDED",
        "tunedModel": {
            "model": "p/models/1@1",
            "endpoint": "p/endpoints/2",
            "checkpoints": [{"endpoint": "p/endpoints/1"}],
        },
    }
    endpoint = {"deployedModels": [{"id": "7"}]}
    things = {"/p/tuningJobs/1": job, "/p/endpoints/1": endpoint, "/p/endpoints/2": endpoint, "/p/models/1": {}}
    api = FakeApi(things=things, on_post=lambda _: {"name": "p/operations/1", "done": True})
    gemini_resources.end_job(api, "p/tuningJobs/1")
    assert sorted(api.did("DELETE")[:2]) == ["/p/endpoints/1", "/p/endpoints/2"]
    assert api.did("DELETE")[2:] == ["/p/models/1"]
    assert api.posted == [{"deployedModelId": "7"}, {"deployedModelId": "7"}]


def test_gemini_waits_for_operations_and_reports_their_errors() -> None:
    failed = {"name": "p/operations/1", "done": True, "error": {"message": "endpoint is busy"}}
    things = {"/p/endpoints/1": {"deployedModels": [{"id": "7"}]}, "/p/operations/1": failed}
    api = FakeApi(things=things, on_post=lambda _: {"name": "p/operations/1"})
    with pytest.raises(VendorError, match="endpoint is busy"):
        gemini_resources.delete_model(api, {"endpoint": "p/endpoints/1"}, sleep=lambda _: None)


def test_gemini_job_is_started_once() -> None:
    labels = METADATA | {"llmstrat_retained": "true"}
    jobs = {"tuningJobs": [{"name": "p/tuningJobs/9", "labels": METADATA}]}
    known = FakeApi(things={"/p/tuningJobs": jobs})
    assert gemini_resources.start_job(known, "p", {"labels": labels}) == "p/tuningJobs/9"
    assert known.did("POST") == []
