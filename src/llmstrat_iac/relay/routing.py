"""From method and path to an endpoint, from a body to a checked call: what is refused before a vendor is asked."""

from __future__ import annotations

import json
from typing import Any, Final

from .config import Consumer, RelayConfig
from .errors import RelayError, bad_request
from .exchange import Call, Endpoint, Request

MAX_BODY: Final = 10 * 1024 * 1024  # API Gateway's own limit for a payload
_PATHS: Final = {prefix + endpoint.value: endpoint for endpoint in Endpoint for prefix in ("", "/v1")}


def find_endpoint(method: str, path: str) -> Endpoint:
    """The endpoint of a path, with or without `/v1`; 404 or 405 otherwise."""
    endpoint = _PATHS.get(path) or _PATHS.get(path.rstrip("/"))
    if endpoint is None:
        raise RelayError(404, "unknown_url", f"there is no {path} here")
    allowed = "GET" if endpoint is Endpoint.MODELS else "POST"
    if method != allowed:
        raise RelayError(
            405, "method_not_allowed", f"{endpoint.value} takes {allowed}, not {method}", headers=(("allow", allowed),)
        )
    return endpoint


def read_call(config: RelayConfig, consumer: Consumer, endpoint: Endpoint, request: Request) -> Call:
    """Check a body and what its consumer may use."""
    document = _read_document(request.body)
    alias = document.get("model")
    if not isinstance(alias, str) or not alias:
        raise bad_request("missing_model", "you must provide a model parameter", param="model")
    stream = document.get("stream")
    if stream not in (None, True, False):
        raise bad_request("invalid_type", "stream must be true or false", param="stream")
    options = document.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise bad_request("invalid_type", "stream_options must be an object", param="stream_options")
    check_model(config, consumer, alias)
    streamed = stream is True and endpoint is not Endpoint.EMBEDDINGS
    return Call(endpoint, alias, document, streamed, request.request_id, request.deadline)


def check_model(config: RelayConfig, consumer: Consumer, alias: str) -> None:
    """Refuse a model that doesn't exist or isn't this consumer's."""
    shown = alias[:100]
    if alias not in config.models:
        raise RelayError(404, "model_not_found", f"the model `{shown}` does not exist here", param="model")
    if alias not in consumer.models:
        allowed = ", ".join(sorted(consumer.models)) or "none"
        raise bad_request(
            "model_not_allowed", f"consumer {consumer.name} may not use `{shown}`; allowed: {allowed}", param="model"
        )


def _read_document(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY:
        raise bad_request("request_too_large", f"the body has {len(body)} bytes; at most {MAX_BODY} are taken")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise bad_request("invalid_json", "the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise bad_request("invalid_json", "the body must be a JSON object")
    return document
