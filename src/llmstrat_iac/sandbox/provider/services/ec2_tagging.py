"""Tags of EC2's things: given when they are made, changed by two calls that take any id."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.provider.registry import Call
from llmstrat_iac.sandbox.provider.services.shapes import tag_delta, tag_list
from llmstrat_iac.sandbox.provider.values import Props


def specifications(args: Props, kind: str) -> list[dict[str, Any]]:
    """The tags of a create call."""
    tags = tag_list(args.get("tagsAll"))
    return [{"ResourceType": kind, "Tags": tags}] if tags else []


def retag(call: Call, resource_id: str, old: Props, new: Props) -> None:
    """Bring tags from an old state to new inputs."""
    ec2 = call.client("ec2")
    added, removed = tag_delta(old, new)
    if added:
        ec2.create_tags(Resources=[resource_id], Tags=tag_list(added))
    if removed:
        ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in removed])


def arn_of(call: Call, kind: str, resource_id: str) -> str:
    """The ARN of something of EC2's."""
    return f"arn:{call.partition}:ec2:{call.region}:{call.account_id}:{kind}/{resource_id}"
