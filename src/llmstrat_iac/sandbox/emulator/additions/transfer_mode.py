"""`responseTransferMode` of an integration: kept, and refused where API Gateway refuses it.

Rules as API Gateway documents them: STREAM only with AWS_PROXY and HTTP_PROXY, a streaming Lambda needs the streaming
invocation URI, and only STREAM may wait longer than 29 s (up to 15 min).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap

STREAMING_SUFFIX = "/response-streaming-invocations"
_BUFFERED_MAXIMUM = 29_000
_STREAM_MAXIMUM = 900_000


def _install() -> None:
    wrap(API_GATEWAY, "_put_integration", _keep_mode)
    wrap(API_GATEWAY, "_update_integration", _check_update)


def refusal(integration: Mapping[str, Any]) -> str | None:
    """API Gateway's complaint about an integration as it is put, if it has one."""
    mode = integration.get("responseTransferMode") or "BUFFERED"
    kind = integration.get("type", "")
    streaming_uri = str(integration.get("uri") or "").endswith(STREAMING_SUFFIX)
    timeout = int(integration.get("timeoutInMillis") or _BUFFERED_MAXIMUM)
    maximum = _STREAM_MAXIMUM if mode == "STREAM" else _BUFFERED_MAXIMUM
    if mode not in ("BUFFERED", "STREAM"):
        return f"Invalid response transfer mode: {mode}"
    if mode == "STREAM" and kind not in ("AWS_PROXY", "HTTP_PROXY"):
        return "Response transfer mode STREAM is supported for AWS_PROXY and HTTP_PROXY integrations only"
    if kind == "AWS_PROXY" and streaming_uri != (mode == "STREAM"):
        return "A Lambda integration needs the response-streaming-invocations URI with STREAM, and only with STREAM"
    if not 50 <= timeout <= maximum:
        return f"Timeout should be between 50 ms and {maximum} ms"
    return None


def _keep_mode(original: Callable[..., Any]) -> Callable[..., Any]:
    def put_integration(api_id: str, resource_id: str, http_method: str, data: Mapping[str, Any]) -> Any:
        from ministack.services import apigateway_v1

        complaint = refusal(data)
        if complaint:
            return apigateway_v1._v1_error("BadRequestException", complaint, 400)
        response = original(api_id, resource_id, http_method, data)
        if response[0] != 201:
            return response
        method = apigateway_v1._resources[api_id][resource_id]["resourceMethods"][http_method]
        integration = method["methodIntegration"]
        integration["responseTransferMode"] = data.get("responseTransferMode") or "BUFFERED"
        return apigateway_v1._v1_response(integration, 201)

    return put_integration


def _check_update(original: Callable[..., Any]) -> Callable[..., Any]:
    def update_integration(api_id: str, resource_id: str, http_method: str, data: Mapping[str, Any]) -> Any:
        from ministack.services import apigateway_v1

        methods = (apigateway_v1._resources.get(api_id, {}).get(resource_id) or {}).get("resourceMethods", {})
        integration = (methods.get(http_method) or {}).get("methodIntegration") or {}
        changes = {
            operation["path"].removeprefix("/"): operation.get("value") for operation in data.get("patchOperations", [])
        }
        complaint = refusal({**integration, **changes})
        if integration and complaint:
            return apigateway_v1._v1_error("BadRequestException", complaint, 400)
        response = original(api_id, resource_id, http_method, data)
        if "timeoutInMillis" in changes and response[0] == 200:
            integration["timeoutInMillis"] = int(integration["timeoutInMillis"])
            return apigateway_v1._v1_response(integration)
        return response

    return update_integration


ADDITION = Addition(
    name="transfer-mode",
    why="PutIntegration drops `responseTransferMode`, so a streaming gateway reads back as a buffering one",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(API_GATEWAY, "_put_integration", ("api_id", "resource_id", "http_method", "data")),
        Seam(API_GATEWAY, "_update_integration", ("api_id", "resource_id", "http_method", "data")),
    ),
    install=_install,
)
