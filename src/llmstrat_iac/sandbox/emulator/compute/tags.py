"""Tags of EC2's things, which upstream keeps in one store by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ministack.services import ec2

Tags = list[dict[str, str]]


def tags_of(resource_id: str) -> Tags:
    """The tags of a thing."""
    return list(ec2._tags.get(resource_id) or [])


def tag_map(resource_id: str) -> dict[str, str]:
    """The tags of a thing by key."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags_of(resource_id)}


def set_tags(resource_id: str, tags: Iterable[Mapping[str, str]]) -> None:
    """Give a new thing its tags."""
    merged = {tag["Key"]: tag.get("Value", "") for tag in tags}
    if merged:
        ec2._tags[resource_id] = [{"Key": key, "Value": value} for key, value in merged.items()]


def specified(specifications: Sequence[Mapping[str, Any]] | None, kind: str) -> Tags:
    """The tags that a request asks for on things of a kind; a later one replaces an earlier one of the same key."""
    return [
        dict(tag) for each in specifications or () if each["ResourceType"] == kind for tag in each.get("Tags") or ()
    ]
