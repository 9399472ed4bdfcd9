"""OpenAI's files endpoint: multipart upload, retrieve, list, content, delete; kept in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from llmstrat_iac.sandbox.vendor.multipart import Part, parse_parts
from llmstrat_iac.sandbox.vendor.wire import BadRequestError, answer_json

MOST_BYTES = 512 * 1024 * 1024
_PURPOSES = ("fine-tune", "fine-tune-results", "batch", "assistants", "vision", "user_data", "evals")


@dataclass(frozen=True)
class File:
    """An uploaded or resulting file."""

    name: str
    purpose: str
    content: bytes
    id: str = field(default_factory=lambda: f"file-{uuid4().hex[:22]}")
    created: int = field(default_factory=lambda: int(time.time()))

    def shown(self) -> dict[str, Any]:
        """As the API has it."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.created,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
            "expires_at": None,
        }


class Files:
    """All files of the one organisation."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def add(self, file: File) -> File:
        """Keep a file."""
        self._files[file.id] = file
        return file

    def get(self, identifier: str, *, parameter: str | None = None) -> File:
        """A file, or the vendor's error: 404 in a path, 400 in a field."""
        found = self._files.get(identifier)
        if found is None and parameter:
            raise BadRequestError(f"invalid {parameter}: {identifier}", parameter=parameter, code="invalid_value")
        if found is None:
            raise BadRequestError(f"No such File object: {identifier}", parameter="id", status=404)
        return found

    async def upload(self, request: Request) -> Response:
        """POST /files."""
        if int(request.headers.get("content-length") or 0) > MOST_BYTES + 65536:
            raise BadRequestError(f"File exceeds the maximum size of {MOST_BYTES} bytes.", parameter="file", status=413)
        parts = parse_parts(request.headers.get("content-type", ""), await request.body())
        form = {part.name: part for part in parts}
        purpose = _field(form, "purpose").content.decode()
        if purpose not in _PURPOSES:
            raise BadRequestError(f"'{purpose}' is not one of {list(_PURPOSES)} - 'purpose'", parameter="purpose")
        upload = _field(form, "file")
        if purpose == "fine-tune":
            _check_lines(upload)
        return answer_json(self.add(File(upload.filename or "upload", purpose, upload.content)).shown())

    def list(self, query: Mapping[str, str]) -> Response:
        """GET /files, the newest first."""
        wanted = query.get("purpose")
        found = [file for file in reversed(self._files.values()) if wanted in (None, file.purpose)]
        return answer_json(cursor_page([file.shown() for file in found], query, most=10_000))

    def delete(self, identifier: str) -> Response:
        """DELETE /files/{id}."""
        file = self.get(identifier)
        del self._files[file.id]
        return answer_json({"id": file.id, "object": "file", "deleted": True})


def cursor_page(items: list[dict[str, Any]], query: Mapping[str, str], *, most: int = 20) -> dict[str, Any]:
    """One page of a list: `after` is the id of the last item seen, `limit` how many to show."""
    ids = [item["id"] for item in items]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    limit = int(query.get("limit") or most)
    shown = items[start : start + limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": start + limit < len(items),
    }


def _field(form: Mapping[str, Part], name: str) -> Part:
    if name not in form:
        message = f"Missing required parameter: '{name}'."
        raise BadRequestError(message, parameter=name, code="missing_required_parameter")
    return form[name]


def _check_lines(upload: Part) -> None:
    """What is refused at once: what isn't JSONL. The records are the job's to judge."""
    if not upload.content.strip():
        raise BadRequestError("File is empty.", parameter="file", code="invalid_file")
    if not (upload.filename or "").endswith(".jsonl"):
        raise BadRequestError("Invalid file format: expected a .jsonl file.", parameter="file", code="invalid_file")
    for number, line in enumerate(upload.content.splitlines(), 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            message = f"Invalid file format. Line {number} is not valid JSON."
            raise BadRequestError(message, parameter="file", code="invalid_jsonl") from error
        if not isinstance(record, dict):
            raise BadRequestError(f"Invalid file format. Line {number} is not an object.", parameter="file")
