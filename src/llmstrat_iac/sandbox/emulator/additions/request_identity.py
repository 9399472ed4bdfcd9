"""The caller's API key in the event's `requestContext.identity`, and the request id that the client was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.exchange import current
from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap


def _install() -> None:
    wrap(API_GATEWAY, "_check_api_key", _keep_key)
    wrap(API_GATEWAY, "_build_lambda_event_v1", _complete_event)


def _keep_key(original: Callable[..., Any]) -> Callable[..., Any]:
    def check_api_key(method_obj: Mapping[str, Any], *arguments: Any) -> Any:
        error, key = original(method_obj, *arguments)
        exchange = current()
        if exchange is not None:
            exchange.api_key = key
        return error, key

    return check_api_key


def _complete_event(original: Callable[..., Any]) -> Callable[..., Any]:
    def build_lambda_event(*arguments: Any, **options: Any) -> Any:
        event = original(*arguments, **options)
        exchange = current()
        if exchange is None:
            return event
        context = event["requestContext"]
        context["requestId"] = exchange.request_id or context["requestId"]
        if exchange.api_key is not None:
            context["identity"]["apiKey"] = exchange.api_key["value"]
            context["identity"]["apiKeyId"] = exchange.api_key["id"]
        return event

    return build_lambda_event


ADDITION = Addition(
    name="request-identity",
    why="the relay knows its consumer by `requestContext.identity.apiKeyId`, which upstream leaves out",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(API_GATEWAY, "_check_api_key", ("method_obj", "api_id", "stage_name", "headers")),
        Seam(API_GATEWAY, "_build_lambda_event_v1", ("api_id", "stage_name", "stage", "resource")),
    ),
    install=_install,
)
