"""The door for Lambda's own Python runtime: an API Gateway proxy event (v1) in, a whole response out.

It doesn't stream; `runtime_loop` does. Both read events through `read_event`.
"""

from __future__ import annotations

import base64
import binascii
import time
from functools import cache
from typing import Any

from .app import MAX_SECONDS, Relay, create_relay
from .config import load_config
from .exchange import Request, Response

_SPARE = 2.0  # seconds before the function's own end, for the last words
Event = dict[str, Any]


@cache
def shared_relay() -> Relay:
    """The process's relay, made from the configuration in the zip."""
    return create_relay(load_config())


def handler(event: Event, context: Any) -> Event:
    """Lambda's entry point."""
    request = read_event(event, context.get_remaining_time_in_millis() / 1000)
    return write_response(shared_relay().handle(request))


def read_event(event: Event, seconds_left: float) -> Request:
    """The request in a proxy event. The consumer is what the authorizer said, never what a client sent."""
    gateway = event.get("requestContext") or {}
    authorizer = gateway.get("authorizer") or {}
    return Request(
        method=event["httpMethod"],
        path=event["path"],
        body=_body(event),
        consumer=str(authorizer.get("consumer", "")),
        request_id=str(gateway.get("requestId", "")),
        deadline=time.monotonic() + min(seconds_left - _SPARE, MAX_SECONDS),
    )


def write_response(response: Response) -> Event:
    """The proxy response, with a stream read to its end."""
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": body.decode(errors="replace"),
        "isBase64Encoded": False,
    }


def _body(event: Event) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body)
        except binascii.Error:
            return b""
    text: str = body
    return text.encode(errors="surrogatepass")
