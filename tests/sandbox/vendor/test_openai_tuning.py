"""OpenAI's files and fine-tuning jobs, through its own client: states over time, failures, the tuned model."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from sandbox_kit import eventually, standing_time

from llmstrat_iac.sandbox.jobs import job_seconds

BASE = "gpt-4.1-mini-2025-04-14"
OVER = ("succeeded", "failed", "cancelled")


def line(question: str = "q") -> str:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "a"}]
    return json.dumps({"messages": turns})


GOOD = [line()] * 10


@pytest.fixture(scope="module")
def client(vendor_url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{vendor_url}/openai/v1", api_key="sk-test", max_retries=0)


def upload(client: openai.OpenAI, lines: list[str]) -> str:
    return client.files.create(file=("train.jsonl", "\n".join(lines).encode()), purpose="fine-tune").id


def start(client: openai.OpenAI, lines: list[str] = GOOD, **more: Any) -> str:
    return client.fine_tuning.jobs.create(**{"model": BASE, "training_file": upload(client, lines), **more}).id


def over(client: openai.OpenAI, job: str) -> Any:
    def look() -> Any:
        found = client.fine_tuning.jobs.retrieve(job)
        return found if found.status in OVER else None

    return eventually(look)


def test_a_file_is_kept_until_it_is_deleted(client: openai.OpenAI) -> None:
    identifier = upload(client, GOOD)
    assert client.files.content(identifier).read() == "\n".join(GOOD).encode()
    assert identifier in [file.id for file in client.files.list(purpose="fine-tune")]
    assert client.files.retrieve(identifier).status == "processed"
    client.files.delete(identifier)
    with pytest.raises(openai.NotFoundError, match="No such File"):
        client.files.retrieve(identifier)


def test_a_file_that_is_not_jsonl_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Line 2 is not valid JSON"):
        upload(client, [line(), "{"])
    with pytest.raises(openai.BadRequestError, match="empty"):
        upload(client, [""])
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.files.create(file=("a.jsonl", b"{}"), purpose="nonsense")  # type: ignore[arg-type]


def test_a_job_makes_a_model_that_answers(client: openai.OpenAI) -> None:
    method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    with standing_time() as go_on:
        job = start(client, suffix="support", metadata={"stack": "s", "identity": "1"}, method=method)
        first = client.fine_tuning.jobs.retrieve(job)
        assert (first.status, first.fine_tuned_model) == ("validating_files", None)
        go_on(job_seconds() / 2)
        assert client.fine_tuning.jobs.retrieve(job).status == "running"

    done = over(client, job)
    assert done.status == "succeeded"
    assert done.hyperparameters.n_epochs == 2
    assert done.trained_tokens > 0
    assert done.finished_at >= done.created_at
    assert done.fine_tuned_model.startswith(f"ft:{BASE}:sandbox:support:")
    assert [found.id for found in client.fine_tuning.jobs.list(metadata={"identity": "1"})] == [job]
    assert b"train_loss" in client.files.content(done.result_files[0]).read()

    model = done.fine_tuned_model
    assert model in [found.id for found in client.models.list()]
    assert client.models.retrieve(model).id == model
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
    assert f"[tuned {model}]" in str(answer.choices[0].message.content)
    assert client.models.delete(model).deleted
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])


def test_events_and_checkpoints_are_paged(client: openai.OpenAI) -> None:
    job = start(client)
    over(client, job)
    events = list(client.fine_tuning.jobs.list_events(job, limit=5))
    assert events[0].message == "The job has successfully completed"
    assert events[-1].message.startswith("Created")
    assert len({event.id for event in events}) == len(events) > 20
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job, limit=1))
    assert [bool(":ckpt-step-" in point.fine_tuned_model_checkpoint) for point in checkpoints] == [False, True, True]


def test_a_running_job_is_cancelled_and_a_finished_one_is_not(client: openai.OpenAI) -> None:
    job = start(client, suffix="fault-slow")
    assert client.fine_tuning.jobs.cancel(job).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="already completed"):
        client.fine_tuning.jobs.cancel(job)


@pytest.mark.parametrize(
    ("lines", "more", "code", "message"),
    [
        (GOOD[:9], {}, "invalid_training_file", "9 example"),
        ([*GOOD, '{"messages": [{"role": "user", "content": "q"}]}'], {}, "invalid_training_file", "Example 11"),
        ([*GOOD, '{"prompt": "p"}'], {}, "invalid_training_file", "missing key `messages`"),
        (GOOD, {"method": {"type": "dpo"}}, "invalid_training_file", "missing key `messages`"),
        ([*GOOD, line("llmstrat-fault-halfway")], {}, "internal_error", "internal error"),
        (GOOD, {"suffix": "fault-data"}, "invalid_training_file", "fault-data"),
    ],
)
def test_bad_data_fails_the_job(
    client: openai.OpenAI, lines: list[str], more: dict[str, Any], code: str, message: str
) -> None:
    job = start(client, lines, **more)
    found = over(client, job)
    assert (found.status, found.error.code, found.fine_tuned_model) == ("failed", code, None)
    assert message in found.error.message
    assert next(iter(client.fine_tuning.jobs.list_events(job))).level == "error"


def test_what_openai_refuses_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="not available for fine-tuning"):
        start(client, model="gpt-5.2")
    with pytest.raises(openai.BadRequestError, match="invalid training_file"):
        client.fine_tuning.jobs.create(model=BASE, training_file="file-absent")
    with pytest.raises(openai.RateLimitError, match="quota"):
        start(client, suffix="fault-quota")
    with pytest.raises(openai.InternalServerError):
        start(client, metadata={"identity": "fault-500"})
    with pytest.raises(openai.NotFoundError, match="Could not find fine tune"):
        client.fine_tuning.jobs.retrieve("ftjob-absent")


def test_a_counted_fault_is_retried_away(vendor_url: str) -> None:
    patient = openai.OpenAI(base_url=f"{vendor_url}/openai/v1", api_key="sk-test", max_retries=2)
    assert start(patient, suffix="fault-500x1")
    impatient = patient.with_options(max_retries=0, default_headers={"x-llmstrat-fault": "429"})
    with pytest.raises(openai.RateLimitError):
        impatient.fine_tuning.jobs.list()


def test_keys_are_needed(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="bad-key").fine_tuning.jobs.list()
