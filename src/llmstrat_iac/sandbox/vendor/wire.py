"""What the vendors' HTTP surfaces share: reading a JSON body, server-sent events, and hanging up on purpose."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from llmstrat_iac.sandbox.vendor.answering import DroppedError


class BadRequestError(Exception):
    """The request isn't what the vendor takes; `parameter` names the field at fault, `code` the vendor's own code."""

    def __init__(
        self, message: str, *, parameter: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.message = message
        self.parameter = parameter
        self.code = code
        self.status = status


async def read_json(request: Request) -> Mapping[str, Any]:
    """The request's body, which must be a JSON object."""
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise BadRequestError("We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise BadRequestError("The body must be a JSON object.")
    return body


def required(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """A field that must be there and of a kind."""
    if name not in body:
        message = f"Missing required parameter: '{name}'."
        raise BadRequestError(message, parameter=name, code="missing_required_parameter")
    value = body[name]
    if not isinstance(value, kind) or value in ([], ""):
        raise BadRequestError(f"Invalid value for '{name}'.", parameter=name, code="invalid_type")
    return value


def dump(value: Any) -> str:
    """JSON as short as it gets."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def event_stream(events: AsyncIterator[str]) -> Response:
    """Server-sent events that are sent one by one."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


def dropped() -> Response:
    """A response that promises more than it sends, then hangs up."""

    async def half() -> AsyncIterator[bytes]:
        yield b'{"id":'
        raise DroppedError

    return StreamingResponse(half(), media_type="application/json", headers={"content-length": "1000"})


def answer_json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return JSONResponse(body, status, headers=dict(headers or {}))
