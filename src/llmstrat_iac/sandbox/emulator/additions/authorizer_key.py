"""`apiKeySource: AUTHORIZER`: the key is what the Lambda authorizer returns as `usageIdentifierKey`, and nothing else.

Plans, throttling and quotas then apply as they do to a key in a header. The key is cached with the authorizer's result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.additions.exchange import current
from llmstrat_iac.sandbox.emulator.additions.registry import API_GATEWAY, Addition, Seam, wrap

_CARRIER = "llmstrat:usageIdentifierKey"


def _install() -> None:
    wrap(API_GATEWAY, "_invoke_authorizer_lambda", _carry_key_in_context)
    wrap(API_GATEWAY, "_authorize_request_v1", _take_key_from_context)
    wrap(API_GATEWAY, "_api_key_from_request", _prefer_authorizer)


def _carry_key_in_context(original: Callable[..., Any]) -> Callable[..., Any]:
    """Upstream caches an authorizer's policy and context only, so the key travels in the context."""

    async def invoke_authorizer(authorizer: Mapping[str, Any], *arguments: Any) -> Any:
        result = await original(authorizer, *arguments)
        answer = _answer(result)
        key = answer.get("usageIdentifierKey")
        if not isinstance(key, str):
            return result
        context = {**(answer.get("context") or {}), _CARRIER: key}
        return {**result, "body": {**answer, "context": context}}

    return invoke_authorizer


def _answer(result: Any) -> Mapping[str, Any]:
    body = result.get("body") if isinstance(result, dict) and not result.get("error") else None
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return {}
    return body if isinstance(body, dict) else {}


def _take_key_from_context(original: Callable[..., Any]) -> Callable[..., Any]:
    async def authorize_request(*arguments: Any, **options: Any) -> Any:
        error, context = await original(*arguments, **options)
        if not context:
            return error, context
        visible = {name: value for name, value in context.items() if name != _CARRIER}
        exchange = current()
        if exchange is not None:
            exchange.authorizer = visible
            exchange.authorizer_key = context.get(_CARRIER, "")
        return error, visible

    return authorize_request


def _prefer_authorizer(original: Callable[..., Any]) -> Callable[..., Any]:
    def api_key_from_request(headers: Mapping[str, Any]) -> Any:
        exchange = current()
        if exchange is None or _key_source(exchange.api_id) != "AUTHORIZER":
            return original(headers)
        return exchange.authorizer_key

    return api_key_from_request


def _key_source(api_id: str) -> str:
    from ministack.services import apigateway_v1

    return str((apigateway_v1._rest_apis.get(api_id) or {}).get("apiKeySource") or "HEADER")


ADDITION = Addition(
    name="authorizer-key",
    why="OpenAI clients send `Authorization: Bearer`; the authorizer turns it into the consumer's API key",
    since="1.5.33",
    before="1.6",
    seams=(
        Seam(API_GATEWAY, "_invoke_authorizer_lambda", ("authorizer", "event", "account_id", "region")),
        Seam(API_GATEWAY, "_authorize_request_v1", ("api_id", "stage_name", "method_obj")),
        Seam(API_GATEWAY, "_api_key_from_request", ("headers",)),
    ),
    install=_install,
)
