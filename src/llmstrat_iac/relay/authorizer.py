"""The gateway's Lambda REQUEST authorizer: a consumer's key in, an IAM policy and the usage plan's key out.

It never logs the key. API Gateway turns the exception text `Unauthorized`, and only that text, into a 401.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from .consumers import KeyRing, bearer_key, load_keys

_keys = cache(load_keys)


def handler(event: dict[str, Any], _context: object = None) -> dict[str, Any]:
    """Lambda's entry point."""
    return authorize(event, _keys(), time.time())


def authorize(event: dict[str, Any], keys: KeyRing, now: float) -> dict[str, Any]:
    """The policy for a valid key; anything else is a 401."""
    header = _authorization(event)
    consumer = keys.consumer_of(header, now)
    key = bearer_key(header)
    if consumer is None or key is None:
        raise Exception("Unauthorized")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": _whole_stage(event["methodArn"])}
    return {
        "principalId": consumer,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "usageIdentifierKey": key,
        "context": {"consumer": consumer},
    }


def _authorization(event: dict[str, Any]) -> str:
    for name, value in (event.get("headers") or {}).items():
        if name.lower() == "authorization" and isinstance(value, str):
            return value
    return ""


def _whole_stage(method_arn: str) -> str:
    """`…:api/stage/GET/path` -> `…:api/stage/*/*`: a cached policy is used for the key's other paths too."""
    api, stage = method_arn.split("/")[:2]
    return f"{api}/{stage}/*/*"
