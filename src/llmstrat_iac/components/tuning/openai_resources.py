"""OpenAI's files and fine-tuning jobs as Pulumi resources, over its REST API.

Each is found before it is made, by its name or metadata, so that an `up` that was cut off is taken up and not paid for
twice. The key is read when it is needed, from where the spec says, and never kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.tuning.names import METADATA_JOB, METADATA_RETAINED, METADATA_STACK
from llmstrat_iac.components.tuning.patience import pauses
from llmstrat_iac.components.tuning.vendor_api import VendorApi, VendorError, base_url, multipart, read_key

BASE_URL = "https://api.openai.com/v1"
RUNNING = frozenset({"validating_files", "queued", "running", "paused"})
_STOP_SECONDS = 120.0


def openai_api(reference: str, region: str) -> VendorApi:
    """The API with the key that the credentials name."""
    key = read_key(reference, region)
    return VendorApi("OpenAI", base_url("openai", BASE_URL), lambda: {"authorization": f"Bearer {key}"})


def listed(api: VendorApi, path: str, **query: str) -> list[dict[str, Any]]:
    """All items of a list, the newest first."""
    found: list[dict[str, Any]] = []
    while True:
        answer = api.get(path, **query)
        found += answer.get("data") or []
        if not answer.get("has_more") or not answer.get("data"):
            return found
        query["after"] = answer["data"][-1]["id"]


def upload_file(api: VendorApi, name: str, path: Path) -> str:
    """Upload a training file, or adopt the one of this name and size; returns its id."""
    size = path.stat().st_size
    for known in listed(api, "/files", purpose="fine-tune"):
        if (known["filename"], known["bytes"]) == (name, size):
            return str(known["id"])
    with multipart({"purpose": "fine-tune"}, path, name) as (body, headers):
        return str(api.upload("/files", body, headers)["id"])


def start_job(api: VendorApi, request: Mapping[str, Any]) -> str:
    """Start a job, or adopt the one with the same metadata; returns its id."""
    wanted = {name: request["metadata"][name] for name in (METADATA_STACK, METADATA_JOB)}
    found = find_job(api, wanted)
    if found is not None:
        return found
    try:
        return str(api.post("/fine_tuning/jobs", request, repeats=False)["id"])
    except VendorError as error:
        # The answer may have been lost after the job was made.
        found = find_job(api, wanted) if error.status is None or error.status >= 500 else None
        if found is None:
            raise
        return found


def find_job(api: VendorApi, metadata: Mapping[str, str]) -> str | None:
    """The id of the newest job with this metadata, or None."""
    for job in listed(api, "/fine_tuning/jobs"):
        if metadata.items() <= (job.get("metadata") or {}).items():
            return str(job["id"])
    return None


def end_job(api: VendorApi, identity: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Cancel a job that runs and delete the model of one that is over."""
    job = api.find(f"/fine_tuning/jobs/{identity}")
    if job is None:
        return
    if job["status"] in RUNNING:
        api.post(f"/fine_tuning/jobs/{identity}/cancel")
        for pause in pauses(_STOP_SECONDS):
            job = api.get(f"/fine_tuning/jobs/{identity}")
            if job["status"] not in RUNNING:
                break
            sleep(pause)
    if job.get("fine_tuned_model"):
        api.delete(f"/models/{job['fine_tuned_model']}")


class FileProvider(dynamic.ResourceProvider):
    """Uploads and deletes training files."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        api = openai_api(props["credentials"], props["region"])
        return dynamic.CreateResult(upload_file(api, props["file_name"], Path(props["path"])), props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        # Where the file lies is nobody's business: its content is what counts.
        changed = olds.get("sha256") != news.get("sha256")
        return dynamic.DiffResult(changes=changed, replaces=["sha256"] if changed else [])

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        openai_api(_props["credentials"], _props["region"]).delete(f"/files/{_id}")


class JobProvider(dynamic.ResourceProvider):
    """Starts jobs; another job is another resource, so no change of one is ever a new job."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        api = openai_api(props["credentials"], props["region"])
        return dynamic.CreateResult(start_job(api, props["request"]), props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=False)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        end_job(openai_api(_props["credentials"], _props["region"]), _id)


_FILES = FileProvider()
_JOBS = JobProvider()


class OpenAiFile(dynamic.Resource, module="llmstrat", name="OpenAiFile"):
    """A training file at OpenAI."""

    def __init__(
        self,
        name: str,
        *,
        file_name: str,
        path: str,
        sha256: str,
        credentials: str,
        region: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"file_name": file_name, "path": path, "sha256": sha256, "credentials": credentials, "region": region}
        super().__init__(_FILES, name, inputs, opts)


class OpenAiJob(dynamic.Resource, module="llmstrat", name="OpenAiJob"):
    """A fine-tuning job at OpenAI, and the model that it makes."""

    def __init__(
        self,
        name: str,
        *,
        request: Mapping[str, Any],
        credentials: str,
        region: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(_JOBS, name, {"request": request, "credentials": credentials, "region": region}, opts)


def metadata(stack_name: str, key: str, *, retained: bool) -> dict[str, str]:
    """By which a job is known, and by which the sweep knows what to leave."""
    return {METADATA_STACK: stack_name, METADATA_JOB: key} | ({METADATA_RETAINED: "true"} if retained else {})
