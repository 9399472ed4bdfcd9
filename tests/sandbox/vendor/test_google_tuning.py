"""Google's tuning jobs: states over time, failures, the endpoint that answers, and the order of deletion."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from google_kit import BASE, PARENT, Google, line
from sandbox_kit import eventually, standing_time

from llmstrat_iac.sandbox.jobs import job_seconds

OVER = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED")
QUESTION = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


@pytest.fixture(scope="module")
def google(vendor_url: str) -> Google:
    return Google(vendor_url)


def asked(google: Google, *lines: str, name: str = "tuned", **more: Any) -> dict[str, Any]:
    uri = google.put("data", f"{uuid4().hex}.jsonl", "\n".join(lines or [line()]).encode())
    spec = {"trainingDatasetUri": uri, "hyperParameters": {"epochCount": "2"}, "exportLastCheckpointOnly": True}
    return {"baseModel": BASE, "supervisedTuningSpec": spec, "tunedModelDisplayName": name, **more}


def start(google: Google, *lines: str, **more: Any) -> str:
    status, job = google.vertex("POST", f"{PARENT}/tuningJobs", asked(google, *lines, **more))
    assert status == 200, job
    return str(job["name"])


def over(google: Google, name: str) -> Any:
    def look() -> Any:
        _, job = google.vertex("GET", name)
        return job if job["state"] in OVER else None

    return eventually(look)


def test_a_job_makes_a_model_and_an_endpoint_that_answers(google: Google) -> None:
    with standing_time() as go_on:
        name = start(google, name="support", labels={"stack": "s1"})
        assert google.vertex("GET", name)[1]["state"] == "JOB_STATE_QUEUED"
        go_on(job_seconds() / 2)
        assert google.vertex("GET", name)[1]["state"] == "JOB_STATE_RUNNING"

    job = over(google, name)
    assert job["state"] == "JOB_STATE_SUCCEEDED"
    assert int(job["tuningDataStats"]["supervisedTuningDataStats"]["totalBillableTokenCount"]) >= 0
    endpoint, model = job["tunedModel"]["endpoint"], job["tunedModel"]["model"]
    mark = f"[tuned {endpoint.rpartition('/')[2]}]"
    _, answer = google.vertex("POST", f"{endpoint}:generateContent", QUESTION)
    assert mark in answer["candidates"][0]["content"]["parts"][0]["text"]
    chat = {"model": "support", "messages": [{"role": "user", "content": "hello"}]}
    _, answer = google.vertex("POST", f"{endpoint}/chat/completions", chat)
    assert mark in answer["choices"][0]["message"]["content"]
    _, listed = google.vertex("GET", f'{PARENT}/tuningJobs?filter=labels.stack%3D"s1"')
    assert [item["name"] for item in listed["tuningJobs"]] == [name]
    _, listed = google.vertex("GET", f'{PARENT}/endpoints?filter=labels.stack%3D"s1"')
    assert [item["name"] for item in listed["endpoints"]] == [endpoint]

    status, refused = google.vertex("DELETE", model)
    assert (status, refused["error"]["status"]) == (400, "FAILED_PRECONDITION")
    status, refused = google.vertex("DELETE", endpoint)
    assert (status, refused["error"]["status"]) == (400, "FAILED_PRECONDITION")
    assert google.vertex("POST", f"{endpoint}:undeployModel", {"deployedModelId": "1"})[1]["done"]
    assert google.vertex("POST", f"{endpoint}:generateContent", QUESTION)[0] == 404
    assert google.vertex("DELETE", endpoint)[1]["done"]
    assert google.vertex("DELETE", model)[1]["done"]
    assert google.vertex("GET", model)[0] == 404


def test_every_epoch_leaves_an_endpoint_unless_told_otherwise(google: Google) -> None:
    request = asked(google, name="points", labels={"stack": "s2"})
    del request["supervisedTuningSpec"]["exportLastCheckpointOnly"]
    job = over(google, google.vertex("POST", f"{PARENT}/tuningJobs", request)[1]["name"])
    endpoints = [point["endpoint"] for point in job["tunedModel"]["checkpoints"]]
    assert len(set(endpoints)) == 2
    assert job["tunedModel"]["endpoint"] == endpoints[-1]
    for endpoint in endpoints:
        assert google.vertex("DELETE", f"{endpoint}?force=true")[1]["done"]
    assert google.vertex("DELETE", job["tunedModel"]["model"])[1]["done"]


def test_a_job_is_cancelled(google: Google) -> None:
    name = start(google, name="fault-slow")
    assert google.vertex("POST", f"{name}:cancel", {}) == (200, {})
    assert over(google, name)["state"] == "JOB_STATE_CANCELLED"


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        (["{not json"], 3, "Row 1"),
        ([line(), '{"contents": []}'], 3, "Row 2 of the dataset has no `contents`"),
        ([""], 3, "empty"),
        ([line("llmstrat-fault-halfway")], 13, "Internal error"),
    ],
)
def test_bad_data_fails_the_job(google: Google, lines: list[str], code: int, message: str) -> None:
    job = over(google, start(google, *lines))
    assert (job["state"], job["error"]["code"]) == ("JOB_STATE_FAILED", code)
    assert message in job["error"]["message"]
    assert "tunedModel" not in job


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"baseModel": "gemini-1.0-pro"}, 400, "not supported"),
        ({"supervisedTuningSpec": {"trainingDatasetUri": "gs://data/absent"}}, 400, "no such object"),
        ({"supervisedTuningSpec": None}, 400, "is required"),
        ({"tunedModelDisplayName": "fault-quota"}, 429, "Quota exceeded"),
        ({"labels": {"job": "fault-500"}}, 500, "Internal error"),
    ],
)
def test_what_google_refuses_is_refused(google: Google, changes: dict[str, Any], status: int, message: str) -> None:
    found, body = google.vertex("POST", f"{PARENT}/tuningJobs", {**asked(google), **changes})
    assert (found, body["error"]["code"]) == (status, status)
    assert message in body["error"]["message"]


def test_a_preference_job_has_its_own_format(google: Google) -> None:
    completions = '[{"score": 1, "completion": {}}, {"score": 0, "completion": {}}]'
    text = f'{{"contents": [{{"role": "user", "parts": [{{"text": "q"}}]}}], "completions": {completions}}}'
    request = asked(google, text)
    request["preferenceOptimizationSpec"] = request.pop("supervisedTuningSpec")
    name = google.vertex("POST", f"{PARENT}/tuningJobs", request)[1]["name"]
    assert over(google, name)["state"] == "JOB_STATE_SUCCEEDED"


def test_access_is_needed(vendor_url: str) -> None:
    assert Google(vendor_url, "bad-token").vertex("GET", f"{PARENT}/tuningJobs")[0] == 401
    status, body = Google(vendor_url).vertex("GET", f"{PARENT}/tuningJobs", x_llmstrat_fault="429")
    assert (status, body["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
