"""A stage's access log: one line for each request, in the stage's own format, in the log group it names.

Written after the last byte, so that lengths and latencies of streams are true. Unknown variables become `-` as in API
Gateway; a log group that doesn't exist takes nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.exchange import Exchange, current
from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap

_VARIABLE = re.compile(r"\$\{?context\.([A-Za-z][A-Za-z0-9_.\-]*[A-Za-z0-9_])\}?")


def _install() -> None:
    wrap(API_GATEWAY, "_execute_in_scope", _log_when_finished)


def _log_when_finished(original: Callable[..., Any]) -> Callable[..., Any]:
    async def execute_in_scope(request: Mapping[str, Any], *arguments: Any) -> Any:
        exchange = current()
        if exchange is not None:
            exchange.on_finish.append(_write)
        return await original(request, *arguments)

    return execute_in_scope


def _write(exchange: Exchange, status: int, length: int) -> None:
    wanted = exchange.stage.get("accessLogSettings") or {}
    parts = str(wanted.get("destinationArn") or "").split(":", 5)
    template = wanted.get("format")
    if not template or len(parts) != 6 or not parts[5].startswith("log-group:"):
        return
    line = render(template, variables(exchange, status, length))
    group = parts[5].removeprefix("log-group:").removesuffix(":*")
    _append(group, account=parts[4], region=parts[3], stream=_stream_name(exchange), line=line)


def render(template: str, values: Mapping[str, Any]) -> str:
    """Fill a format's `$context.…` variables."""
    return _VARIABLE.sub(lambda match: str(values.get(match.group(1), "-")), template.strip())


def variables(exchange: Exchange, status: int, length: int) -> Mapping[str, Any]:
    """The `$context` of one finished request; what it doesn't have is left out."""
    started = datetime.fromtimestamp(exchange.started_at, UTC)
    values: dict[str, Any] = {
        "accountId": exchange.account,
        "apiId": exchange.api_id,
        "stage": exchange.stage_name,
        "httpMethod": exchange.method,
        "path": f"/{exchange.stage_name}{exchange.path}",
        "resourcePath": exchange.request.get("resource_path") or None,
        "protocol": "HTTP/1.1",
        "requestId": exchange.request_id,
        "extendedRequestId": exchange.request_id,
        "requestTime": started.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(exchange.started_at * 1000),
        "status": status,
        "responseLength": length,
        "responseLatency": _since(exchange.started, time.monotonic()),
        "domainName": str(exchange.headers.get("host", "")).partition(":")[0] or None,
        "identity.sourceIp": str(exchange.headers.get("x-forwarded-for", "127.0.0.1")).partition(",")[0],
        "identity.userAgent": exchange.headers.get("user-agent"),
        **_caller(exchange),
        **_error(exchange),
        **_integration(exchange),
    }
    return {name: value for name, value in values.items() if value is not None}


def _caller(exchange: Exchange) -> Mapping[str, Any]:
    values = {f"authorizer.{name}": value for name, value in (exchange.authorizer or {}).items()}
    if exchange.api_key is not None:
        values["identity.apiKeyId"] = exchange.api_key["id"]
        # API Gateway shows no more than the end of a key here.
        values["identity.apiKey"] = "*" * 6 + str(exchange.api_key["value"])[-6:]
    return values


def _error(exchange: Exchange) -> Mapping[str, Any]:
    if exchange.error is None:
        return {}
    message = exchange.error.message
    return {
        "error.message": message,
        "error.messageString": json.dumps(message),
        "error.responseType": exchange.error.response_type,
    }


def _integration(exchange: Exchange) -> Mapping[str, Any]:
    begun = exchange.integration_started
    if begun is None:
        return {}
    return {
        "integration.status": exchange.integration_status,
        "integrationStatus": exchange.integration_status,
        "integration.responseTransferMode": "STREAMED" if exchange.streamed else "BUFFERED",
        "integration.latency": _since(begun, exchange.integration_finished),
        "integrationLatency": _since(begun, exchange.integration_finished),
        "integration.timeToAllHeaders": _since(begun, exchange.integration_headers),
        "integration.timeToFirstContent": _since(begun, exchange.integration_first_content),
    }


def _since(begin: float, end: float | None) -> int | None:
    return None if end is None else int((end - begin) * 1000)


def _stream_name(exchange: Exchange) -> str:
    return hashlib.md5(f"{exchange.api_id}/{exchange.stage_name}".encode(), usedforsecurity=False).hexdigest()


def _append(group: str, *, account: str, region: str, stream: str, line: str) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import cloudwatch_logs

    with request_scope(account, region):
        if group not in cloudwatch_logs._log_groups:
            return
        place = {"logGroupName": group, "logStreamName": stream}
        if stream not in cloudwatch_logs._log_groups[group]["streams"]:
            cloudwatch_logs._create_log_stream(place)
        entry = {"timestamp": int(time.time() * 1000), "message": line}
        cloudwatch_logs._put_log_events({**place, "logEvents": [entry]})


ADDITION = Addition(
    name="access-log",
    why="upstream stores a stage's access log settings and never writes a line",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(API_GATEWAY, "_execute_in_scope", ("request", "api_id", "stage_name")),
        Seam("ministack.services.cloudwatch_logs", "_put_log_events", ("data",)),
        Seam("ministack.services.cloudwatch_logs", "_create_log_stream", ("data",)),
    ),
    install=_install,
)
