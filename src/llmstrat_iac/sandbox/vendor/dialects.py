"""How vendors that speak OpenAI's format differ in it: errors, refused keys, and where a stream tells its usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.responses import Response

from llmstrat_iac.sandbox.vendor.wire import answer_json

_KINDS = {401: "invalid_request_error", 429: "rate_limit_error", 500: "server_error"}
_GOOGLE_STATUSES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


@dataclass(frozen=True)
class Dialect:
    """One vendor's manner."""

    name: Literal["openai", "gemini", "mistral"]
    models: tuple[str, ...]
    usage_in_last_chunk: bool = False

    def error(
        self,
        status: int,
        message: str,
        code: str | None,
        parameter: str | None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """An error in the vendor's shape."""
        if self.name == "gemini":
            return answer_json([google_error(status, message)], status, headers)
        kind = _KINDS.get(status, "invalid_request_error")
        content = {"message": message, "type": kind, "param": parameter, "code": code}
        if self.name == "mistral":
            return answer_json({"object": "error", **content}, status, headers)
        return answer_json({"error": content}, status, headers)

    def missing_key(self) -> Response:
        """No key at all."""
        return self.error(401, "You didn't provide an API key.", None, None)

    def wrong_key(self, key: str) -> Response:
        """A key that the vendor doesn't know; Google calls that an invalid argument."""
        if self.name == "gemini":
            return self.error(400, "API key not valid. Please pass a valid API key.", None, None)
        return self.error(401, f"Incorrect API key provided: {key[:4]}***.", "invalid_api_key", None)


def google_error(status: int, message: str) -> dict[str, Any]:
    """Google's error block."""
    kind = _GOOGLE_STATUSES.get(status, "INTERNAL" if status >= 500 else "UNAUTHENTICATED")
    return {"error": {"code": status, "message": message, "status": kind}}


OPENAI = Dialect("openai", ("gpt-5.2", "gpt-5-mini", "gpt-4.1", "text-embedding-3-small"))
GEMINI = Dialect("gemini", ("models/gemini-3-pro", "models/gemini-2.5-flash"), usage_in_last_chunk=True)
MISTRAL = Dialect("mistral", ("mistral-large-latest", "mistral-small-latest"), usage_in_last_chunk=True)
