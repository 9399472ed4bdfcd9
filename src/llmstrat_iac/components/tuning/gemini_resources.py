"""Gemini's tuning as Pulumi resources: objects in Cloud Storage, and jobs with the model and endpoint that they make.

Over Google's REST APIs with a service account's access tokens. Each thing is found before it is made, by its name or
labels, so that an `up` that was cut off is taken up and not paid for twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pulumi
from pulumi import dynamic

from llmstrat_iac.components.tuning.names import METADATA_JOB, METADATA_STACK
from llmstrat_iac.components.tuning.patience import pauses
from llmstrat_iac.components.tuning.vendor_api import VendorApi, VendorError, base_url, pages, read_key
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.relay.google_access import GoogleTokens

PLATFORM, STORAGE = "gemini-tuning", "gcs"
"""Names under which a target replaces Google's services."""
RUNNING = frozenset({"JOB_STATE_QUEUED", "JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_CANCELLING"})
_STOP_SECONDS, _OPERATION_SECONDS = 300.0, 600.0


def platform_url(location: str) -> str:
    """The Agent Platform's API in a region, up to the version."""
    return f"{base_url(PLATFORM, f'https://{location}-aiplatform.googleapis.com')}/v1"


def platform_api(reference: str, region: str, location: str) -> VendorApi:
    """The API of jobs, models and endpoints."""
    return VendorApi("Google Cloud", platform_url(location), _headers(reference, region))


def storage_api(reference: str, region: str) -> VendorApi:
    """The API of Cloud Storage."""
    url = base_url(STORAGE, "https://storage.googleapis.com")
    return VendorApi("Google Cloud Storage", url, _headers(reference, region))


def _headers(reference: str, region: str) -> Callable[[], Mapping[str, str]]:
    secret, tokens = read_key(reference, region), GoogleTokens()

    def headers() -> Mapping[str, str]:
        try:
            return {"authorization": f"Bearer {tokens.get(secret)}"}
        except Exception as error:
            # No chained exception: its text could hold the key.
            reason = type(error).__name__
        raise LlmstratError(
            f"tuning.credentials: Google gives no access token for this key ({reason})",
            remedy="it must be the JSON key of a service account, or an access token",
        )

    return headers


def put_object(api: VendorApi, bucket: str, name: str, path: Path) -> None:
    """Upload a file; the same name is the same content, so one that is there already does."""
    found = find_object(api, bucket, name)
    if found is not None and int(found.get("size", -1)) == path.stat().st_size:
        return
    query = urlencode({"uploadType": "media", "name": name})
    headers = {"content-type": "application/jsonl", "content-length": str(path.stat().st_size)}
    with path.open("rb") as content:
        api.upload(f"/upload/storage/v1/b/{quote(bucket)}/o?{query}", content, headers)


def find_object(api: VendorApi, bucket: str, name: str) -> Any:
    """An object's metadata, or None."""
    return api.find(f"/storage/v1/b/{quote(bucket)}/o/{quote(name, safe='')}")


def delete_object(api: VendorApi, bucket: str, name: str) -> None:
    """Delete an object if it is there."""
    api.delete(f"/storage/v1/b/{quote(bucket)}/o/{quote(name, safe='')}")


def start_job(api: VendorApi, parent: str, request: Mapping[str, Any]) -> str:
    """Start a job, or adopt the one with the same labels; returns its name."""
    found = find_job(api, parent, request["labels"])
    if found is not None:
        return found
    try:
        return str(api.post(f"/{parent}/tuningJobs", request, repeats=False)["name"])
    except VendorError as error:
        # The answer may have been lost after the job was made.
        found = find_job(api, parent, request["labels"]) if error.status is None or error.status >= 500 else None
        if found is None:
            raise
        return found


def find_job(api: VendorApi, parent: str, labels: Mapping[str, str]) -> str | None:
    """The name of the newest job with these labels, or None."""
    wanted = {name: labels[name] for name in (METADATA_STACK, METADATA_JOB)}
    for job in pages(api, f"/{parent}/tuningJobs", "tuningJobs"):
        if wanted.items() <= (job.get("labels") or {}).items():
            return str(job["name"])
    return None


def end_job(api: VendorApi, name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Cancel a job that runs; delete endpoints and model of one that is over."""
    job = api.find(f"/{name}")
    if job is None:
        return
    if job["state"] in RUNNING:
        api.post(f"/{name}:cancel")
        for pause in pauses(_STOP_SECONDS):
            job = api.get(f"/{name}")
            if job["state"] not in RUNNING:
                break
            sleep(pause)
    delete_model(api, job.get("tunedModel") or {}, sleep=sleep)


def delete_model(api: VendorApi, tuned: Mapping[str, Any], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Delete what a job has made: each checkpoint's endpoint, then the model, which they hold."""
    endpoints = [tuned.get("endpoint"), *(point.get("endpoint") for point in tuned.get("checkpoints") or ())]
    for endpoint in dict.fromkeys(one for one in endpoints if one):
        found = api.find(f"/{endpoint}")
        for deployed in (found or {}).get("deployedModels") or ():
            undeploy = api.post(f"/{endpoint}:undeployModel", {"deployedModelId": deployed["id"]})
            _finish(api, undeploy, sleep)
        if found is not None:
            api.delete(f"/{endpoint}")
    model = str(tuned.get("model") or "").partition("@")[0]
    if model and api.find(f"/{model}") is not None:
        api.delete(f"/{model}")


def _finish(api: VendorApi, operation: Mapping[str, Any], sleep: Callable[[float], None]) -> None:
    """Wait for a long-running operation."""
    for pause in pauses(_OPERATION_SECONDS):
        if operation.get("done"):
            break
        sleep(pause)
        operation = api.get(f"/{operation['name']}")
    if operation.get("error"):
        raise VendorError(
            f"Google Cloud: {operation['error'].get('message', 'the operation failed')}",
            status=None,
            remedy="correct the cause and run it again",
        )


class FileProvider(dynamic.ResourceProvider):
    """Uploads and deletes training files."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        api = storage_api(props["credentials"], props["region"])
        put_object(api, props["bucket"], props["object_name"], Path(props["path"]))
        return dynamic.CreateResult(f"gs://{props['bucket']}/{props['object_name']}", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        # Where the file lies is nobody's business: its content is what counts.
        changed = [name for name in ("sha256", "bucket", "object_name") if olds.get(name) != news.get(name)]
        return dynamic.DiffResult(changes=bool(changed), replaces=changed)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        delete_object(storage_api(_props["credentials"], _props["region"]), _props["bucket"], _props["object_name"])


class JobProvider(dynamic.ResourceProvider):
    """Starts jobs; another job is another resource, so no change of one is ever a new job."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        api = platform_api(props["credentials"], props["region"], props["location"])
        return dynamic.CreateResult(start_job(api, props["parent"], props["request"]), props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=False)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        end_job(platform_api(_props["credentials"], _props["region"], _props["location"]), _id)


_FILES = FileProvider()
_JOBS = JobProvider()


class GeminiFile(dynamic.Resource, module="llmstrat", name="GeminiFile"):
    """A training file in Cloud Storage; its id is its `gs://` URI."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(_FILES, name, dict(inputs), opts)


class GeminiJob(dynamic.Resource, module="llmstrat", name="GeminiJob"):
    """A tuning job, and the model and endpoint that it makes."""

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(_JOBS, name, dict(inputs), opts)
