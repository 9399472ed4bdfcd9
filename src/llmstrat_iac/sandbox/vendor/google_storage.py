"""Google Cloud Storage's JSON API as far as uploads need it: media, multipart and resumable; get, list, delete.

Buckets come into being with their first object, except those whose name begins with `missing`. Kept in memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llmstrat_iac.sandbox.vendor.answering import wanted_fault
from llmstrat_iac.sandbox.vendor.crc32c import crc32c
from llmstrat_iac.sandbox.vendor.google_access import GoogleError, refuse_access
from llmstrat_iac.sandbox.vendor.multipart import parse_parts
from llmstrat_iac.sandbox.vendor.wire import answer_json

_FAULTS = {"500": "Internal error", "429": "Rate limit exceeded"}
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
_PAGE = 1000
# The sum of more would take too long; clients then can't check theirs.
_MOST_CHECKED_BYTES = 64 * 1024 * 1024
_URI = re.compile(r"gs://([^/]+)/(.+)")


@dataclass
class Blob:
    """One object."""

    bucket: str
    name: str
    content: bytes
    metadata: Mapping[str, Any]
    generation: int
    crc: str | None = None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def shown(self) -> dict[str, Any]:
        """As the API has it."""
        moment = self.created.isoformat().replace("+00:00", "Z")
        checked = {"crc32c": self.crc} if self.crc else {}
        return {
            **checked,
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": self.metadata.get("contentType") or "application/octet-stream",
            "size": str(len(self.content)),
            "md5Hash": base64.b64encode(hashlib.md5(self.content, usedforsecurity=False).digest()).decode(),
            "metadata": self.metadata.get("metadata") or {},
            "timeCreated": moment,
            "updated": moment,
        }


@dataclass
class Upload:
    """A resumable upload that isn't complete yet."""

    bucket: str
    name: str
    metadata: Mapping[str, Any]
    content: bytearray = field(default_factory=bytearray)


class GoogleStorage:
    """All buckets."""

    def __init__(self) -> None:
        self._buckets: dict[str, dict[str, Blob]] = {}
        self._uploads: dict[str, Upload] = {}
        self._generation = 0

    def routes(self) -> list[Route]:
        """Everything under the service's root."""
        place = "/storage/v1/b"
        table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("POST", place, self._create_bucket),
            ("GET", f"{place}/{{bucket}}", self._get_bucket),
            ("DELETE", f"{place}/{{bucket}}", self._delete_bucket),
            ("GET", f"{place}/{{bucket}}/o", self._list),
            ("GET", f"{place}/{{bucket}}/o/{{name:path}}", self._get),
            ("GET", f"/download{place}/{{bucket}}/o/{{name:path}}", self._get),
            ("DELETE", f"{place}/{{bucket}}/o/{{name:path}}", self._delete),
            ("POST", f"/upload{place}/{{bucket}}/o", self._upload),
            ("PUT", f"/upload{place}/{{bucket}}/o", self._resume),
        ]
        return [Route(path, _guarded(handle), methods=[method]) for method, path, handle in table]

    def read(self, uri: str) -> bytes | None:
        """The content of `gs://bucket/name`, or None."""
        found = _URI.fullmatch(uri)
        blob = self._buckets.get(found.group(1), {}).get(found.group(2)) if found else None
        return blob.content if blob else None

    async def _create_bucket(self, request: Request) -> Response:
        name = json.loads(await request.body() or b"{}").get("name") or ""
        if not name or name in self._buckets:
            raise GoogleError(409 if name else 400, f"The bucket name `{name}` isn't available.")
        self._buckets[name] = {}
        return answer_json(_bucket(name))

    async def _get_bucket(self, request: Request) -> Response:
        self._objects(request)
        return answer_json(_bucket(request.path_params["bucket"]))

    async def _delete_bucket(self, request: Request) -> Response:
        if self._objects(request):
            raise GoogleError(409, "The bucket you tried to delete is not empty.")
        self._buckets.pop(request.path_params["bucket"], None)
        return Response(status_code=204)

    async def _list(self, request: Request) -> Response:
        prefix = request.query_params.get("prefix") or ""
        names = sorted(name for name in self._objects(request) if name.startswith(prefix))
        start, size = (
            int(request.query_params.get("pageToken") or 0),
            int(request.query_params.get("maxResults") or 1000),
        )
        objects = self._objects(request)
        answer: dict[str, Any] = {"kind": "storage#objects"}
        answer["items"] = [objects[name].shown() for name in names[start : start + size]]
        if start + size < len(names):
            answer["nextPageToken"] = str(start + size)
        return answer_json(answer)

    async def _get(self, request: Request) -> Response:
        blob = self._blob(request)
        return Response(blob.content) if request.query_params.get("alt") == "media" else answer_json(blob.shown())

    async def _delete(self, request: Request) -> Response:
        blob = self._blob(request)
        del self._buckets[blob.bucket][blob.name]
        return Response(status_code=204)

    async def _upload(self, request: Request) -> Response:
        bucket, kind = str(request.path_params["bucket"]), request.query_params.get("uploadType")
        name = request.query_params.get("name") or ""
        self._objects(request)
        body = await request.body()
        content_type = request.headers.get("content-type", "")
        if kind == "multipart":
            head, media = parse_parts(content_type, body)[:2]
            metadata = json.loads(head.content)
            return await self._keep(bucket, name or metadata.get("name"), media.content, metadata)
        if kind == "resumable":
            metadata = json.loads(body or b"{}")
            identifier = uuid4().hex
            self._uploads[identifier] = Upload(bucket, name or metadata.get("name"), metadata)
            location = str(request.url.include_query_params(upload_id=identifier))
            return Response(headers={"location": location, "x-guploader-uploadid": identifier})
        return await self._keep(bucket, name, body, {"contentType": content_type})

    async def _resume(self, request: Request) -> Response:
        identifier = request.query_params.get("upload_id") or ""
        upload = self._uploads.get(identifier)
        if upload is None:
            raise GoogleError(404, "No such upload.")
        body = await request.body()
        found = _RANGE.fullmatch(request.headers.get("content-range") or f"bytes */{len(body)}")
        if found is None:
            raise GoogleError(400, "Invalid Content-Range.")
        start = int(found.group(1) or 0)
        del upload.content[start:]
        upload.content += body
        if found.group(3) == "*" or len(upload.content) < int(found.group(3)):
            last = len(upload.content) - 1
            return Response(status_code=308, headers={"range": f"bytes=0-{last}"} if last >= 0 else {})
        del self._uploads[identifier]
        return await self._keep(upload.bucket, upload.name, bytes(upload.content), upload.metadata)

    async def _keep(self, bucket: str, name: str | None, content: bytes, metadata: Mapping[str, Any]) -> Response:
        if not name:
            raise GoogleError(400, "Required parameter: name")
        self._generation += 1
        crc = await run_in_threadpool(crc32c, content) if len(content) <= _MOST_CHECKED_BYTES else None
        blob = Blob(bucket, name, content, metadata, self._generation, crc)
        self._buckets.setdefault(bucket, {})[name] = blob
        return answer_json(blob.shown())

    def _objects(self, request: Request) -> dict[str, Blob]:
        bucket = str(request.path_params["bucket"])
        if bucket.startswith("missing"):
            raise GoogleError(404, "The specified bucket does not exist.")
        return self._buckets.get(bucket, {})

    def _blob(self, request: Request) -> Blob:
        name = str(request.path_params["name"])
        found = self._objects(request).get(name)
        if found is None:
            raise GoogleError(404, f"No such object: {request.path_params['bucket']}/{name}")
        return found


def _bucket(name: str) -> dict[str, Any]:
    return {"kind": "storage#bucket", "id": name, "name": name, "location": "US-CENTRAL1", "storageClass": "STANDARD"}


def _guarded(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        refusal = refuse_access(request)
        if refusal is not None:
            return refusal
        fault = wanted_fault(request, "")
        try:
            if fault in _FAULTS:
                raise GoogleError(int(fault), _FAULTS[fault])
            return await handle(request)
        except GoogleError as error:
            return error.response()

    return answer
