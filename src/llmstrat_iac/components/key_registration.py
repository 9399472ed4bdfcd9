"""Registers consumers' keys with API Gateway: the keys, their tags and their places in usage plans, with plain calls.

Every step may be repeated: a key that is there already, left by a run that was cut off, is adopted; one that is gone
needs no removing. No key is ever in an exception or a log line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from botocore.exceptions import ClientError

T = TypeVar("T")
R = TypeVar("R")
_AT_ONCE = 8


@dataclass(frozen=True, repr=False)
class KeyRequest:
    """What API Gateway is to know of a key."""

    name: str
    description: str
    value: str
    usage_plan_id: str
    tags: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """The key's digest."""
        return sha256(self.value.encode()).hexdigest()


@dataclass(frozen=True)
class KnownKey:
    """A key that API Gateway has; `usage_plan_id` is empty if it is in no plan."""

    id: str
    usage_plan_id: str
    sha256: str


@dataclass(frozen=True)
class Retag:
    """The keys' tags as they were and as they shall be."""

    arn_prefix: str
    before: Mapping[str, str]
    after: Mapping[str, str]


def reconcile(
    client: Any, before: Mapping[str, KnownKey], requests: Mapping[str, KeyRequest], retag: Retag | None
) -> dict[str, KnownKey]:
    """Remove the keys that aren't asked for any more, add the new ones, move and tag the others; by name."""
    kept = {name for name, known in before.items() if name in requests and requests[name].sha256 == known.sha256}
    _each(lambda name: unregister(client, before[name].id), before.keys() - kept)

    def settle(name: str) -> tuple[str, KnownKey]:
        request = requests[name]
        if name not in kept:
            return name, register(client, request)
        known = before[name]
        if known.usage_plan_id != request.usage_plan_id:
            move(client, known, request.usage_plan_id)
        if retag is not None:
            _retag(client, f"{retag.arn_prefix}{known.id}", retag)
        return name, KnownKey(known.id, request.usage_plan_id, known.sha256)

    return dict(_each(settle, requests))


def register(client: Any, request: KeyRequest) -> KnownKey:
    """Create the key, or adopt it if it is there, and put it in its plan."""
    key_id = _create_or_adopt(client, request)
    _enrol(client, key_id, request.usage_plan_id)
    return KnownKey(key_id, request.usage_plan_id, request.sha256)


def unregister(client: Any, key_id: str) -> None:
    """Delete the key, and with it its place in the plan."""
    _unless_absent(lambda: client.delete_api_key(apiKey=key_id))


def move(client: Any, known: KnownKey, usage_plan_id: str) -> None:
    """Take a key out of its plan and put it in another; it can be in one plan a stage only."""
    if known.usage_plan_id:
        _unless_absent(lambda: client.delete_usage_plan_key(usagePlanId=known.usage_plan_id, keyId=known.id))
    _enrol(client, known.id, usage_plan_id)


def look_up(client: Any, keys: Mapping[str, KnownKey]) -> dict[str, str]:
    """Name to usage plan of the keys that are still there; an empty plan for one that has dropped out of its plan."""
    present = {item["id"] for item in _items(client, "get_api_keys", includeValues=False)}
    plans = {known.usage_plan_id for known in keys.values() if known.usage_plan_id}
    members = {plan: _members(client, plan) for plan in sorted(plans)}
    return {
        name: known.usage_plan_id if known.id in members.get(known.usage_plan_id, ()) else ""
        for name, known in keys.items()
        if known.id in present
    }


def _members(client: Any, usage_plan_id: str) -> set[str]:
    listing = _unless_absent(lambda: [*_items(client, "get_usage_plan_keys", usagePlanId=usage_plan_id)])
    return {item["id"] for item in listing or ()}


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
        for key in _items(client, "get_api_keys", nameQuery=request.name, includeValues=True):
            if key.get("value") == request.value:
                return str(key["id"])
        raise
    return str(created["id"])


def _enrol(client: Any, key_id: str, usage_plan_id: str) -> None:
    try:
        client.create_usage_plan_key(usagePlanId=usage_plan_id, keyId=key_id, keyType="API_KEY")
    except ClientError as error:
        if _code(error) != "ConflictException" or not _is_enrolled(client, key_id, usage_plan_id):
            raise


def _is_enrolled(client: Any, key_id: str, usage_plan_id: str) -> bool:
    call = _unless_absent(lambda: client.get_usage_plan_key(usagePlanId=usage_plan_id, keyId=key_id))
    return call is not None


def _retag(client: Any, arn: str, retag: Retag) -> None:
    gone = sorted(set(retag.before) - set(retag.after))
    if gone:
        client.untag_resource(resourceArn=arn, tagKeys=gone)
    if retag.after:
        client.tag_resource(resourceArn=arn, tags=dict(retag.after))


def _each(act: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do it for all, several at once; after the first failure, which is raised, none is begun any more."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(act, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _items(client: Any, operation: str, **arguments: Any) -> Iterable[Any]:
    for page in client.get_paginator(operation).paginate(**arguments, PaginationConfig={"PageSize": 500}):
        yield from page.get("items") or ()


def _unless_absent(call: Callable[[], R]) -> R | None:
    try:
        return call()
    except ClientError as error:
        if _code(error) == "NotFoundException":
            return None
        raise


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
