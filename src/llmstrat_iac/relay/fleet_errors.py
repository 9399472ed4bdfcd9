"""What goes wrong between the relay and the stack's own fleet, on EC2 or SageMaker, in OpenAI's shape.

A fleet that starts, is paused or is scaled to zero is an ordinary state: its error says so, and fallbacks are tried.
"""

from __future__ import annotations

import json
from typing import Any, Final

from .errors import UpstreamError
from .openai_errors import vendor_error

_PLACES: Final = ("endpoint", "inference component")


def unavailable(*, again: bool = False) -> UpstreamError:
    """No instance answers for this model now."""
    message = "this model's own instances don't answer: they are starting, paused, scaled to zero or gone"
    return UpstreamError(503, "model_unavailable", message, elsewhere=True, again=again)


def fleet_error(status: int, body: bytes, retry_after: str | None = None) -> UpstreamError:
    """The error for an answer of the engine, of the load balancer before it or of the private API before that.

    The load balancer itself answers 502 (instance gone), 503 (no healthy instance) and 504 (instance silent):
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
    """
    if status in (502, 503, 504):
        return unavailable(again=status == 502)
    if status == 404:
        # The relay chose the name, so it's no mistake of the client: instances with the old models are still there.
        return unavailable()
    if status in (401, 403):
        message = "the path to this model refused the gateway's own role"
        return UpstreamError(502, "upstream_unauthorized", message, elsewhere=True)
    return vendor_error(status, body, retry_after, None)


def invocation_error(status: int, code: str, body: bytes) -> UpstreamError:
    """The error for a refused invocation of a SageMaker endpoint; `code` is the service's name for it.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
    """
    document = _object(body)
    if code == "ModelError":
        return _container_error(document)
    if code in ("ModelNotReadyException", "ServiceUnavailable"):
        return unavailable(again=True)
    # The relay chose the endpoint: what SageMaker says of it (not found, being updated, no capacity) is its state.
    if code == "ValidationError" and any(place in str(document.get("Message", "")).lower() for place in _PLACES):
        return unavailable()
    if status == 429 or "throttling" in code.lower():
        message = "SageMaker is limiting this gateway"
        return UpstreamError(429, "rate_limit_exceeded", message, kind="rate_limit_error", elsewhere=True)
    if status in (401, 403):
        message = "SageMaker refused the gateway's role for this model"
        return UpstreamError(502, "upstream_unauthorized", message, elsewhere=True)
    return UpstreamError(502, "upstream_error", f"SageMaker answered {code or status}", elsewhere=True)


def stream_error(code: str) -> UpstreamError:
    """The error for an event with which SageMaker ends a stream."""
    message = f"the model's stream ended with an error ({code})" if code else "the model's stream ended with an error"
    return UpstreamError(502, "upstream_stream_error", message, elsewhere=True)


def _container_error(document: dict[str, Any]) -> UpstreamError:
    """The container's own answer, which SageMaker wraps; it has none if the container was silent for a minute."""
    original = document.get("OriginalStatusCode")
    if not isinstance(original, int) or original < 400:
        message = "the model didn't answer within the time that SageMaker gives it"
        return UpstreamError(504, "upstream_timeout", message, elsewhere=True)
    return fleet_error(original, str(document.get("OriginalMessage", "")).encode())


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
