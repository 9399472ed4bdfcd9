"""Registers a consumer's key with API Gateway: the key, its tags and its place in a usage plan, with plain calls.

Every step may be repeated: a key that is there already, left by a run that was cut off, is adopted. No key is ever in
an exception or a log line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class KeyRequest:
    """What API Gateway is to know of a key."""

    name: str
    description: str
    value: str
    usage_plan_id: str
    tags: Mapping[str, str]

    def __repr__(self) -> str:
        return f"KeyRequest({self.name!r})"


@dataclass(frozen=True)
class Registered:
    """What API Gateway knows of a key now; `usage_plan_id` is empty if it isn't in the plan that it should be in."""

    usage_plan_id: str
    tags: Mapping[str, str]


def register(client: Any, request: KeyRequest) -> str:
    """Create the key and put it in its plan; returns API Gateway's id of it."""
    key_id = _create_or_adopt(client, request)
    try:
        enrol(client, key_id, request.usage_plan_id)
    except BaseException:
        unregister(client, key_id)
        raise
    return key_id


def enrol(client: Any, key_id: str, usage_plan_id: str) -> None:
    """Put a key in a plan; it may be in there already."""
    try:
        client.create_usage_plan_key(usagePlanId=usage_plan_id, keyId=key_id, keyType="API_KEY")
    except ClientError as error:
        if _code(error) != "ConflictException" or not _is_enrolled(client, key_id, usage_plan_id):
            raise


def withdraw(client: Any, key_id: str, usage_plan_id: str) -> None:
    """Take a key out of a plan; a key can be in one plan a stage only."""
    _unless_absent(lambda: client.delete_usage_plan_key(usagePlanId=usage_plan_id, keyId=key_id))


def retag(client: Any, arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Make `after` the key's tags."""
    gone = sorted(set(before) - set(after))
    if gone:
        client.untag_resource(resourceArn=arn, tagKeys=gone)
    if after:
        client.tag_resource(resourceArn=arn, tags=dict(after))


def look_up(client: Any, key_id: str, usage_plan_id: str) -> Registered | None:
    """The key as it is now; None if it is gone."""
    key = _unless_absent(lambda: client.get_api_key(apiKey=key_id, includeValue=False))
    if key is None:
        return None
    enrolled = bool(usage_plan_id) and _is_enrolled(client, key_id, usage_plan_id)
    return Registered(usage_plan_id if enrolled else "", key.get("tags") or {})


def unregister(client: Any, key_id: str) -> None:
    """Delete the key, and with it its place in the plan."""
    _unless_absent(lambda: client.delete_api_key(apiKey=key_id))


def _create_or_adopt(client: Any, request: KeyRequest) -> str:
    try:
        created = client.create_api_key(
            name=request.name,
            description=request.description,
            enabled=True,
            value=request.value,
            tags=dict(request.tags),
        )
    except ClientError as error:
        if _code(error) != "ConflictException":
            raise
        for page in client.get_paginator("get_api_keys").paginate(nameQuery=request.name, includeValues=True):
            for key in page.get("items") or ():
                if key.get("value") == request.value:
                    return str(key["id"])
        raise
    return str(created["id"])


def _is_enrolled(client: Any, key_id: str, usage_plan_id: str) -> bool:
    call = _unless_absent(lambda: client.get_usage_plan_key(usagePlanId=usage_plan_id, keyId=key_id))
    return call is not None


def _unless_absent(call: Any) -> Any:
    try:
        return call()
    except ClientError as error:
        if _code(error) == "NotFoundException":
            return None
        raise


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
