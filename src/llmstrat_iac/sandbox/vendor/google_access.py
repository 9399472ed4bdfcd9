"""Google's access tokens: the token endpoint for service accounts, and the answer to a request without a good one.

Signatures of assertions aren't verified; an issuer or token that begins with `bad` is refused.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from llmstrat_iac.sandbox.vendor.dialects import google_error
from llmstrat_iac.sandbox.vendor.wire import answer_json

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CLAIMS = ("iss", "aud", "exp", "iat")
_LIFE_SECONDS = 3600


class GoogleError(Exception):
    """An error in Google's shape."""

    def __init__(self, status: int, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind

    def response(self) -> Response:
        """As it is sent."""
        content = google_error(self.status, self.message)
        if self.kind:
            content["error"]["status"] = self.kind
        return answer_json(content, self.status)


def refuse_access(request: Request) -> Response | None:
    """The answer to a request without an access token or API key, or with a bad one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key") or ""
    given = token.strip() if scheme.lower() == "bearer" else key
    if not given:
        message = "Request is missing required authentication credential. Expected OAuth 2 access token."
        return GoogleError(401, message, "UNAUTHENTICATED").response()
    if given.startswith("bad"):
        message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
        return GoogleError(401, message, "UNAUTHENTICATED").response()
    return None


async def exchange_token(request: Request) -> Response:
    """POST /token: an access token for a service account's assertion, or for a refresh token."""
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    if form.get("grant_type") == _GRANT:
        claims = _claims(form.get("assertion", ""))
        if not all(name in claims for name in _CLAIMS) or str(claims["iss"]).startswith("bad"):
            return answer_json({"error": "invalid_grant", "error_description": "Invalid JWT: check its claims."}, 400)
    elif not form.get("refresh_token"):
        return answer_json({"error": "unsupported_grant_type"}, 400)
    token = f"sandbox-{uuid4().hex}"
    return answer_json({"access_token": token, "expires_in": _LIFE_SECONDS, "token_type": "Bearer"})


def _claims(assertion: str) -> Mapping[str, Any]:
    parts = assertion.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
