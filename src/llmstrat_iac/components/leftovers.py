"""The sweep's frame: ask AWS what is there, remove it if told to, never take "couldn't look" for "nothing there".

Independent of Pulumi and of its state. What isn't ours (no tag of the stack, not below its own path) is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from llmstrat_iac.components.names import TAG_STACK
from llmstrat_iac.hookspecs import AwsSession, Leftover

_ABSENT = frozenset(
    {"ResourceNotFoundException", "NotFoundException", "NotFound", "NotFoundError", "NoSuchEntity", "ResourceNotFound"}
    | {"LoadBalancerNotFound", "TargetGroupNotFound", "FileSystemNotFound", "InvalidPlacementGroup.Unknown"}
)
_ABSENT_SUFFIX = ".NotFound"
"""EC2's way: `InvalidVpcID.NotFound`."""
UNCHECKED = "*"
"""Id of the leftover that stands for a type that couldn't be looked at."""


@dataclass(frozen=True)
class Found:
    """Something that is still there, and how to remove it; None if the sweep doesn't know how."""

    type: str
    id: str
    detail: str
    billed: bool
    remove: Callable[[], object] | None


@dataclass(frozen=True)
class Finder:
    """Looks for the leftovers of one type."""

    type: str
    find: Callable[[], Iterable[Found]]


def sweep(finders: Iterable[Finder], *, remove: bool) -> Iterator[Leftover]:
    """Run the finders in order, which is also the order of removal."""
    for finder in finders:
        try:
            found = list(finder.find())
        except (ClientError, BotoCoreError) as error:
            detail = f"couldn't be checked: {explain(error)}"
            yield Leftover(finder.type, UNCHECKED, detail, billed=False, removed=False)
            continue
        for each in found:
            yield _settle(each, remove=remove)


def _settle(found: Found, *, remove: bool) -> Leftover:
    detail, removed = found.detail, False
    if remove and found.remove is not None:
        try:
            found.remove()
            removed = True
        except (ClientError, BotoCoreError) as error:
            removed = is_absent(error)
            detail = found.detail if removed else f"{found.detail}; couldn't be removed: {explain(error)}"
    return Leftover(found.type, found.id, detail, billed=found.billed, removed=removed)


def unless_absent(call: Callable[[], Any]) -> Any:
    """The call's answer, or None if AWS says that there is no such thing."""
    try:
        return call()
    except ClientError as error:
        if is_absent(error):
            return None
        raise


def is_absent(error: Exception) -> bool:
    """Whether AWS says that there is no such thing."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return code in _ABSENT or code.endswith(_ABSENT_SUFFIX)


def explain(error: Exception) -> str:
    """An AWS error in one line."""
    if isinstance(error, ClientError):
        return f"{error.response['Error']['Code']}: {error.response['Error'].get('Message', '')}".rstrip(": ")
    return str(error)


def pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    """All items of a paginated listing."""
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key) or ()


def belongs(tags: Any, stack_name: str) -> bool:
    """Whether tags, as a mapping or in either of AWS's list forms, name the stack."""
    if isinstance(tags, Mapping):
        return tags.get(TAG_STACK) == stack_name
    pairs = {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value")) for tag in tags or ()}
    return pairs.get(TAG_STACK) == stack_name


def tagged_arns(session: AwsSession, stack_name: str) -> list[str]:
    """What the tagging API finds. It doesn't know IAM roles, and may list for a while what has just been deleted."""
    client = session.client("resourcegroupstaggingapi")
    filters = [{"Key": TAG_STACK, "Values": [stack_name]}]
    return [
        item["ResourceARN"] for item in pages(client, "get_resources", "ResourceTagMappingList", TagFilters=filters)
    ]
