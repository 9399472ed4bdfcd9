"""Streamed Lambda integrations for Python functions with an exec wrapper: first byte out before the last one is made.

The function runs as on Lambda (`sandbox.emulator.functions`); here its answer, a JSON prelude, eight NUL bytes and the
body, becomes the HTTP response. A Python function without a wrapper can't stream on Lambda either, so it is answered
with 502 as API Gateway does for an answer without prelude.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.exchange import Exchange, Response, current
from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, LAMBDA, Addition, Seam, wrap
from llmstrat_iac.sandbox.emulator.additions.transfer_mode import STREAMING_SUFFIX
from llmstrat_iac.sandbox.emulator.functions.pool import existing_pool, pool
from llmstrat_iac.sandbox.emulator.functions.runtime_api import FunctionError

logger = logging.getLogger(__name__)

_DELIMITER = b"\0" * 8
_LONGEST_PRELUDE = 1 << 20


class InvalidPreludeError(Exception):
    """The function's answer isn't a JSON prelude, eight NUL bytes and a body."""


def _install() -> None:
    wrap(API_GATEWAY, "_invoke_lambda_proxy_v1", _stream_when_asked)
    wrap(LAMBDA, "_execute_function_warm", _run_wrapped_function)
    wrap(LAMBDA, "invalidate_worker", _retire_environments)


def _stream_when_asked(original: Callable[..., Any]) -> Callable[..., Any]:
    async def invoke_lambda_proxy(integration: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        exchange = current()
        if exchange is None:
            return await original(integration, *arguments, **options)
        exchange.integration_started = time.monotonic()
        if integration.get("responseTransferMode") != "STREAM":
            response = await original(integration, *arguments, **options)
            exchange.integration_finished = time.monotonic()
            if isinstance(response, tuple):
                exchange.integration_status = int(response[0])
            return response
        return await _stream(exchange, integration, arguments, options)

    return invoke_lambda_proxy


async def _stream(
    exchange: Exchange, integration: Mapping[str, Any], arguments: tuple[Any, ...], options: Mapping[str, Any]
) -> Any:
    from ministack.services import apigateway_v1, lambda_svc

    function = _function_of(integration, exchange)
    if function is None:
        return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    if not _is_wrapped(function):
        name = function["config"]["FunctionName"]
        logger.error("function %s can't stream: Python needs AWS_LAMBDA_EXEC_WRAPPER", name)
        return _bad_gateway()
    event = apigateway_v1._build_lambda_event_v1(
        *arguments, **{name: value for name, value in options.items() if not name.startswith("owner_")}
    )
    slot, _ = lambda_svc._acquire_execution_slot(function, function["config"])
    if slot is None:
        # API Gateway reports a throttled function as its own configuration error.
        return apigateway_v1._gw_error("DEFAULT_5XX", "Internal server error")
    return await _answer(exchange, integration, function, event, slot)


async def _answer(
    exchange: Exchange, integration: Mapping[str, Any], function: Mapping[str, Any], event: Any, slot: str
) -> Any:
    from ministack.services import apigateway_v1, lambda_svc

    timeout = int(integration.get("timeoutInMillis") or 29_000) / 1000
    handed_over = False
    try:
        async with asyncio.timeout(timeout):
            invocation = await pool().invoke(function, event, exchange.request_id)
            chunks = invocation.chunks()
            prelude, first = await _read_prelude(chunks)
        response = _response(exchange, prelude, _Body(first, chunks, invocation.request_id, slot))
        handed_over = True
        return response
    except TimeoutError:
        return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    except (FunctionError, InvalidPreludeError) as error:
        logger.error("function %s: %s", function["config"]["FunctionName"], error)
        exchange.integration_status = 502
        return _bad_gateway()
    finally:
        if not handed_over:
            lambda_svc._release_execution_slot(slot)


async def _read_prelude(chunks: AsyncIterator[bytes]) -> tuple[Mapping[str, Any], bytes]:
    head = b""
    async for chunk in chunks:
        head += chunk
        raw, found, body = head.partition(_DELIMITER)
        if found:
            return _parse_prelude(raw), body
        if len(head) > _LONGEST_PRELUDE:
            break
    raise InvalidPreludeError("the answer has no JSON prelude followed by eight NUL bytes")


def _parse_prelude(raw: bytes) -> Mapping[str, Any]:
    try:
        prelude = json.loads(raw)
    except ValueError as error:
        raise InvalidPreludeError("the answer's prelude isn't JSON") from error
    if not isinstance(prelude, dict):
        raise InvalidPreludeError("the answer's prelude isn't a JSON object")
    return prelude


@dataclass(frozen=True)
class _Body:
    """What comes after the prelude, and the unit of concurrency that it holds until it ends."""

    first: bytes
    rest: AsyncIterator[bytes]
    request_id: str
    slot: str

    async def chunks(self) -> AsyncIterator[bytes]:
        if self.first:
            yield self.first
        async for chunk in self.rest:
            if chunk:
                yield chunk


def _response(exchange: Exchange, prelude: Mapping[str, Any], body: _Body) -> Response:
    from ministack.core.responses import StreamingResponse
    from ministack.services import lambda_svc

    status = int(prelude.get("statusCode") or 200)
    exchange.streamed = True
    exchange.integration_status = 200
    exchange.integration_headers = time.monotonic()

    async def run(send: Callable[[Mapping[str, Any]], Any], _receive: Any) -> None:
        length = 0
        try:
            async for chunk in body.chunks():
                exchange.integration_first_content = exchange.integration_first_content or time.monotonic()
                length += len(chunk)
                # A caller that hung up doesn't stop the function: it runs on, as on Lambda.
                with contextlib.suppress(Exception):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except FunctionError as error:
            # Without a final frame the caller sees a broken transfer, which is what API Gateway leaves it.
            logger.error("invocation %s broke off: %s", body.request_id, error)
        finally:
            lambda_svc._release_execution_slot(body.slot)
            exchange.integration_finished = time.monotonic()
            exchange.finish(status, length)

    return status, _headers(prelude), StreamingResponse(run)


def _headers(prelude: Mapping[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"Content-Type": "application/json"}
    merged = {**(prelude.get("headers") or {}), **(prelude.get("multiValueHeaders") or {})}
    if prelude.get("cookies"):
        merged["Set-Cookie"] = prelude["cookies"]
    for name, value in merged.items():
        if name.lower() in ("content-length", "transfer-encoding", "connection"):
            continue
        for existing in [known for known in headers if known.lower() == name.lower()]:
            del headers[existing]
        headers[name] = value
    return headers


def _bad_gateway() -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "InternalServerErrorException"}
    return 502, headers, b'{"message": "Internal server error"}'


def _function_of(integration: Mapping[str, Any], exchange: Exchange) -> Mapping[str, Any] | None:
    from ministack.services import lambda_svc

    _, _, reference = str(integration.get("uri") or "").partition("/functions/")
    function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        reference.removesuffix(STREAMING_SUFFIX), account_id=exchange.account, region=exchange.region
    )
    if function is None or config is None:
        return None
    record: Mapping[str, Any] = lambda_svc._execution_record_for_config(function, config)
    return record


def _is_wrapped(function: Mapping[str, Any]) -> bool:
    config = function.get("config") or {}
    variables = (config.get("Environment") or {}).get("Variables") or {}
    runtime = str(config.get("Runtime", ""))
    return runtime.startswith("python") and bool(variables.get("AWS_LAMBDA_EXEC_WRAPPER"))


def _run_wrapped_function(original: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper applies to every way of invoking a function, so a buffered call runs the same process."""

    def execute_function_warm(func: Mapping[str, Any], event: Any, request_id: str) -> Any:
        from ministack import app

        if not _is_wrapped(func) or app._MAIN_LOOP is None:
            return original(func, event, request_id)
        return asyncio.run_coroutine_threadsafe(_collect(func, event, request_id), app._MAIN_LOOP).result()

    return execute_function_warm


async def _collect(function: Mapping[str, Any], event: Any, request_id: str) -> Mapping[str, Any]:
    try:
        invocation = await pool().invoke(function, event, request_id)
        payload = b"".join([chunk async for chunk in invocation.chunks()])
    except FunctionError as error:
        return {"body": {"errorType": error.kind, "errorMessage": error.message}, "error": True, "log": ""}
    text = payload.decode("utf-8", "replace")
    try:
        return {"body": json.loads(text), "log": ""}
    except ValueError:
        return {"body": text, "log": ""}


def _retire_environments(original: Callable[..., Any]) -> Callable[..., Any]:
    def invalidate_worker(func_name: str, *arguments: Any, **options: Any) -> Any:
        running = existing_pool()
        if running is not None:
            running.retire(func_name)
        return original(func_name, *arguments, **options)

    return invalidate_worker


ADDITION = Addition(
    name="lambda-streaming",
    why="upstream can't resolve the streaming invocation URI and buffers Python functions",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(API_GATEWAY, "_invoke_lambda_proxy_v1", ("integration", "api_id", "stage_name", "stage", "resource")),
        Seam(API_GATEWAY, "_gw_error", ("response_type", "message")),
        Seam(LAMBDA, "_execute_function_warm", ("func", "event", "request_id")),
        Seam(LAMBDA, "_get_func_record_for_ref_in_scope", ("function_ref", "account_id", "region")),
        Seam(LAMBDA, "_execution_record_for_config", ("func", "config")),
        Seam(LAMBDA, "_acquire_execution_slot", ("func", "config")),
        Seam(LAMBDA, "_release_execution_slot", ("key",)),
        Seam(LAMBDA, "_emit_lambda_logs", ("func", "request_id", "log_text", "error", "duration_ms")),
        Seam(LAMBDA, "_emit_lambda_metrics", ("function_name", "duration_ms", "error", "throttle")),
        Seam(LAMBDA, "_run_with_function_config_scope", ("func_or_config", "callback")),
        Seam(LAMBDA, "invalidate_worker", ("func_name",)),
    ),
    install=_install,
)
