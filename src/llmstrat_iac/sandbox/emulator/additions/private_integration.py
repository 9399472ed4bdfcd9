"""Private integrations of REST APIs: through a VPC link V2 to a load balancer, streams passed on piece by piece.

As API Gateway documents them: the load balancer sees `/stage/path`, the URI's host and port, and the client's method.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from llmstrat_iac.sandbox.emulator.additions.exchange import Exchange, current
from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap
from llmstrat_iac.sandbox.emulator.additions.vpc_links import is_available, links

logger = logging.getLogger(__name__)

_ALB = "ministack.services.alb"
_HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive")
_KEPT = ("connectionId", "integrationTarget", "tlsConfig")


def _install() -> None:
    wrap(API_GATEWAY, "_put_integration", _keep_target)
    wrap(API_GATEWAY, "_invoke_http_proxy_v1", _go_through_the_link)


def _keep_target(original: Callable[..., Any]) -> Callable[..., Any]:
    def put_integration(api_id: str, resource_id: str, http_method: str, data: Mapping[str, Any]) -> Any:
        from ministack.services import apigateway_v1

        complaint = _complaint(data)
        if complaint:
            return apigateway_v1._v1_error("BadRequestException", complaint, 400)
        response = original(api_id, resource_id, http_method, data)
        if response[0] != 201:
            return response
        integration = apigateway_v1._resources[api_id][resource_id]["resourceMethods"][http_method]["methodIntegration"]
        integration |= {name: data[name] for name in _KEPT if data.get(name)}
        return apigateway_v1._v1_response(integration, 201)

    return put_integration


def _complaint(integration: Mapping[str, Any]) -> str | None:
    """API Gateway's complaint about a private integration, if it has one."""
    if integration.get("connectionType") != "VPC_LINK":
        return None
    if integration.get("type") not in ("HTTP", "HTTP_PROXY"):
        return "Only HTTP and HTTP_PROXY integrations can use a VPC link"
    if integration.get("connectionId") not in links():
        return f"Invalid VPC link identifier specified: {integration.get('connectionId')}"
    if not integration.get("integrationTarget"):
        return "IntegrationTarget is required for VpcLinkV2"
    return None


def _go_through_the_link(original: Callable[..., Any]) -> Callable[..., Any]:
    async def invoke_http_proxy(integration: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        exchange = current()
        if exchange is None or integration.get("connectionType") != "VPC_LINK":
            return await original(integration, *arguments, **options)
        exchange.integration_started = time.monotonic()
        path, method, headers, body, query = arguments[:5]
        answer = _ask(exchange, integration, path, method, headers, body, query)
        return await _within_time(exchange, integration, answer)

    return invoke_http_proxy


async def _within_time(exchange: Exchange, integration: Mapping[str, Any], answer: Any) -> Any:
    from ministack.services import apigateway_v1

    try:
        async with asyncio.timeout(int(integration.get("timeoutInMillis") or 29_000) / 1000):
            status, headers, body = await answer
            if integration.get("responseTransferMode") != "STREAM":
                body = await _collected(body)
    except TimeoutError:
        return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    except _UnreachableError as error:
        logger.error("private integration: %s", error)
        return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    exchange.integration_status = status
    exchange.integration_headers = time.monotonic()
    headers = {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}
    return status, headers, _passed_on(exchange, status, body)


class _UnreachableError(Exception):
    """The link or the load balancer isn't there."""


async def _ask(
    exchange: Exchange,
    integration: Mapping[str, Any],
    path: str,
    method: str,
    headers: Mapping[str, Any],
    body: Any,
    query: Any,
) -> Any:
    from ministack.services import alb

    link = links().get(integration["connectionId"])
    balancer = alb._lbs.get(integration["integrationTarget"])
    if link is None or not is_available(link) or balancer is None:
        raise _UnreachableError(f"{integration['connectionId']} doesn't lead to {integration['integrationTarget']}")
    uri = urlsplit(str(integration.get("uri") or "http://localhost"))
    port = uri.port or (443 if uri.scheme == "https" else 80)
    if port not in {each.get("Port") for each in alb._listeners.values() if _is_of(each, balancer)}:
        raise _UnreachableError(f"{balancer['LoadBalancerName']} doesn't listen on {port}")
    sent = {**headers, "host": uri.netloc}
    return await alb.dispatch_request(balancer, method, f"/{exchange.stage_name}{path}", sent, body, query, port)


def _is_of(listener: Mapping[str, Any], balancer: Mapping[str, Any]) -> bool:
    return bool(listener["LoadBalancerArn"] == balancer["LoadBalancerArn"])


def _passed_on(exchange: Exchange, status: int, body: Any) -> Any:
    """The body, noting when its pieces go by; a whole one is noted by whoever sends it."""
    from ministack.core.responses import StreamingResponse

    if not isinstance(body, StreamingResponse):
        return body
    exchange.streamed = True

    async def run(send: Callable[[Mapping[str, Any]], Any], receive: Any) -> None:
        length = 0

        async def note(message: Mapping[str, Any]) -> None:
            nonlocal length
            exchange.integration_first_content = exchange.integration_first_content or time.monotonic()
            length += len(message.get("body", b""))
            await send(message)

        try:
            await body.runner(note, receive)
        finally:
            exchange.integration_finished = time.monotonic()
            exchange.finish(status, length)

    return StreamingResponse(run)


async def _collected(body: Any) -> Any:
    """The whole body."""
    from ministack.core.responses import StreamingResponse

    if not isinstance(body, StreamingResponse):
        return body
    pieces: list[bytes] = []

    async def keep(message: Mapping[str, Any]) -> None:
        pieces.append(message.get("body", b""))

    await body.runner(keep, asyncio.Event().wait)
    return b"".join(pieces)


ADDITION = Addition(
    name="private-integration",
    why="a REST API's integration forgets its VPC link and target, and would call the load balancer's name itself",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(API_GATEWAY, "_put_integration", ("api_id", "resource_id", "http_method", "data")),
        Seam(
            API_GATEWAY,
            "_invoke_http_proxy_v1",
            ("integration", "path", "method", "headers", "body", "query_params", "path_params"),
        ),
        Seam(_ALB, "dispatch_request", ("lb", "method", "path", "headers", "body", "query_params", "port")),
    ),
    install=_install,
)
