"""One request's way through a REST API stage: who called, with which key, what came back.

Upstream passes these facts from function to function without keeping them; here they are kept for the request's life.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap

Response = tuple[int, dict[str, Any], Any]
_NO_REQUEST: Mapping[str, Any] = {}


@dataclass
class Exchange:
    """Facts gathered while one request is answered; times are time.monotonic() seconds."""

    api_id: str
    stage_name: str
    method: str
    path: str
    headers: Mapping[str, Any]
    account: str
    region: str
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)
    request: Mapping[str, Any] = field(default_factory=dict)
    key_source: str = "HEADER"
    authorizer_key: str = ""
    api_key: Mapping[str, Any] | None = None
    authorizer: Mapping[str, Any] | None = None
    error: Any = None
    integration_status: int | None = None
    integration_started: float | None = None
    integration_headers: float | None = None
    integration_first_content: float | None = None
    integration_finished: float | None = None
    streamed: bool = False
    on_finish: list[Callable[[Exchange, int, int], None]] = field(default_factory=list)

    @property
    def request_id(self) -> str:
        """The id that the client, the event and the access log all see."""
        return str(self.request.get("request_id", ""))

    @property
    def stage(self) -> Mapping[str, Any]:
        """The stage's record, empty until the request has reached one."""
        return self.request.get("stage") or _NO_REQUEST

    def finish(self, status: int, length: int) -> None:
        """Tell who asked that the last byte has been handed over; `length` is the body's size in bytes."""
        for listener in self.on_finish:
            listener(self, status, length)


_current: ContextVar[Exchange | None] = ContextVar("llmstrat_exchange", default=None)


def current() -> Exchange | None:
    """The exchange this task is answering; None outside the data plane."""
    return _current.get()


def _install() -> None:
    wrap(API_GATEWAY, "_handle_execute_in_scope", _begin)
    wrap(API_GATEWAY, "_execute_in_scope", _keep_request)
    wrap(API_GATEWAY, "_gateway_error_response", _keep_error)


def _begin(original: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_execute_in_scope(api_id: str, stage_name: str, *arguments: Any) -> Response:
        method, path, headers, _body, _query, account, region = arguments
        exchange = Exchange(api_id, stage_name, method, path, headers or {}, account, region)
        token = _current.set(exchange)
        try:
            status, response_headers, payload = await original(api_id, stage_name, *arguments)
        finally:
            _current.reset(token)
        if exchange.request_id:
            response_headers.setdefault("x-amzn-requestid", exchange.request_id)
        if not exchange.streamed:
            exchange.integration_finished = exchange.integration_finished or time.monotonic()
            exchange.finish(int(status), len(payload) if isinstance(payload, bytes | str) else 0)
        return status, response_headers, payload

    return handle_execute_in_scope


def _keep_request(original: Callable[..., Any]) -> Callable[..., Any]:
    async def execute_in_scope(request: Mapping[str, Any], *arguments: Any) -> Any:
        exchange = current()
        if exchange is not None:
            exchange.request = request
        return await original(request, *arguments)

    return execute_in_scope


def _keep_error(original: Callable[..., Any]) -> Callable[..., Any]:
    def gateway_error_response(error: Any, request: Mapping[str, Any]) -> Response:
        exchange = current()
        if exchange is not None:
            exchange.error = error
        response: Response = original(error, request)
        return response

    return gateway_error_response


ADDITION = Addition(
    name="exchange",
    why="the other additions need one record of a request; it adds one request id for client, event and access log",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(
            API_GATEWAY,
            "_handle_execute_in_scope",
            (
                "api_id",
                "stage_name",
                "method",
                "path",
                "headers",
                "body",
                "query_params",
                "owner_account_id",
                "owner_region",
            ),
        ),
        Seam(API_GATEWAY, "_execute_in_scope", ("request", "api_id", "stage_name")),
        Seam(API_GATEWAY, "_gateway_error_response", ("error", "request")),
    ),
    install=_install,
)
