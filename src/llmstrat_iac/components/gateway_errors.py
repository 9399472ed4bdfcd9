"""What API Gateway itself answers when a request doesn't reach the relay, in the shape of OpenAI's errors."""

from __future__ import annotations

import json
from dataclasses import dataclass

# `$context.error.messageString` is the message as a JSON string, quotes included; VTL puts it in at this mark.
_AWS_MESSAGE = "$context.error.messageString"


@dataclass(frozen=True)
class GatewayError:
    """One kind of API Gateway's own responses. `status` None keeps the one that API Gateway chose."""

    response_type: str
    status: str | None
    message: str | None
    """None passes API Gateway's message on."""
    type: str
    code: str | None

    @property
    def body(self) -> str:
        """The response template."""
        error = {"message": self.message or _AWS_MESSAGE, "type": self.type, "param": None, "code": self.code}
        return json.dumps({"error": error}).replace(f'"{_AWS_MESSAGE}"', _AWS_MESSAGE)


GATEWAY_ERRORS = (
    GatewayError(
        "UNAUTHORIZED",
        "401",
        "Incorrect API key provided. Send a consumer's key as `Authorization: Bearer KEY`.",
        "invalid_request_error",
        "invalid_api_key",
    ),
    GatewayError("ACCESS_DENIED", "403", "This API key may not do that.", "invalid_request_error", "permission_denied"),
    # A key that was taken away while the authorizer's answer for it is still cached (API Gateway's own status is 403).
    GatewayError(
        "INVALID_API_KEY", "401", "This API key is no longer in use.", "invalid_request_error", "invalid_api_key"
    ),
    # API Gateway's answer to a path that doesn't exist, whatever the token.
    GatewayError(
        "MISSING_AUTHENTICATION_TOKEN", "404", "No such path or method.", "invalid_request_error", "unknown_url"
    ),
    GatewayError(
        "THROTTLED", "429", "Rate limit reached: send requests more slowly.", "requests", "rate_limit_exceeded"
    ),
    GatewayError(
        "QUOTA_EXCEEDED", "429", "The monthly request quota is used up.", "insufficient_quota", "insufficient_quota"
    ),
    GatewayError("DEFAULT_4XX", None, None, "invalid_request_error", None),
    GatewayError("DEFAULT_5XX", None, None, "server_error", None),
)
