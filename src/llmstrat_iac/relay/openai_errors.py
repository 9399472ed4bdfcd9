"""Vendors' error answers in OpenAI's shape. What a vendor says about the gateway's own key is never passed on."""

from __future__ import annotations

import json
from typing import Any, Final

from .errors import UpstreamError

_LONGEST: Final = 2000  # characters of a vendor's message
_REDACTED: Final = b"[redacted]"


def scrub(body: bytes, key: str | None) -> bytes:
    """Remove the gateway's key from what a vendor sent."""
    return body.replace(key.encode(), _REDACTED) if key else body


def vendor_error(status: int, body: bytes, retry_after: str | None, key: str | None) -> UpstreamError:
    """The error for a vendor's status: 429 and 5xx may be tried elsewhere, other 4xx are the client's own."""
    detail = _detail(scrub(body, key))
    headers = (("retry-after", retry_after),) if retry_after else ()
    if status in (401, 403):
        return UpstreamError(
            502, "upstream_unauthorized", "the model's vendor refused the gateway's own key", elsewhere=True
        )
    if status == 429:
        return UpstreamError(
            429,
            _text(detail.get("code")) or "rate_limit_exceeded",
            _text(detail.get("message")) or "the model's vendor is limiting this gateway",
            kind=_text(detail.get("type")) or "rate_limit_error",
            headers=headers,
            elsewhere=True,
        )
    if status >= 500 or status < 400:  # a redirect is not followed: a vendor's API has none
        busy = status == 503
        return UpstreamError(
            503 if busy else 502,
            "upstream_overloaded" if busy else "upstream_error",
            f"the model's vendor answered {status}",
            headers=headers,
            elsewhere=True,
            again=busy,
        )
    return UpstreamError(
        status,
        _text(detail.get("code") or detail.get("status")),
        _text(detail.get("message")) or f"the model's vendor answered {status}",
        kind=_text(detail.get("type")) or "invalid_request_error",
        param=_text(detail.get("param")),
        headers=headers,
    )


def _detail(body: bytes) -> dict[str, Any]:
    """The error object of OpenAI's and Anthropic's `{"error": {…}}`, Gemini's `[{"error": {…}}]` or vLLM's bare one."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return {}
    error = document if document.get("object") == "error" else document.get("error")
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)[:_LONGEST]
