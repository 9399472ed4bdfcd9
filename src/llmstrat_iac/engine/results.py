"""What an operation or a look at a stack gives back, as frozen values. Secrets are masked unless asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmstrat_iac.engine.events import MASK, PROVIDER_PREFIX, STACK_TYPE, Op, is_secret, mask_secrets, resource_name
from llmstrat_iac.engine.locks import LockOwner


@dataclass(frozen=True)
class OperationResult:
    """A finished preview, up, destroy or refresh. `outputs` has secrets masked as `[secret]`.

    `changes` counts as Pulumi does, with components, the stack and providers; `physical` without them.
    """

    changes: Mapping[Op, int]
    seconds: float
    outputs: Mapping[str, object] = field(default_factory=dict)
    physical: Mapping[Op, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many resources took part, unchanged ones included: what a later `up` has to get through."""
        return sum(self.changes.values())

    @property
    def changed(self) -> int:
        return sum(count for op, count in self.changes.items() if op is not Op.SAME)


@dataclass(frozen=True)
class Resource:
    """One resource of the state. `id` is the cloud's own name for it, empty for a component."""

    urn: str
    type: str
    name: str
    id: str
    parent: str
    created: datetime | None = None

    @property
    def is_physical(self) -> bool:
        """Whether something exists outside of the state: not a component, a stack or a provider."""
        return bool(self.id) and not self.type.startswith(PROVIDER_PREFIX)


@dataclass(frozen=True)
class PendingOperation:
    """An operation that a crash cut off: whether it was carried out is unknown."""

    urn: str
    type: str
    name: str
    doing: str


@dataclass(frozen=True)
class Recovery:
    """What was cleared after a crash. Whether a dropped operation had reached the cloud is unknown: sweep for it."""

    locks: tuple[LockOwner, ...]
    dropped: tuple[PendingOperation, ...]


@dataclass(frozen=True)
class Outputs:
    """A stack's outputs. `secret` names those that hold a secret, whether or not `values` shows it."""

    values: Mapping[str, object]
    secret: frozenset[str]


@dataclass(frozen=True)
class Snapshot:
    """A stack's recorded state."""

    resources: tuple[Resource, ...]
    pending: tuple[PendingOperation, ...]
    outputs: Outputs

    @property
    def created(self) -> datetime | None:
        """When the oldest resource was created; None without resources."""
        return min((one.created for one in self.resources if one.created is not None), default=None)


EMPTY_SNAPSHOT = Snapshot((), (), Outputs({}, frozenset()))
"""What a stack that doesn't exist has."""


@dataclass(frozen=True)
class StackName:
    """A stack that the backend knows. `resources` is None where the backend doesn't count."""

    project: str
    stack: str
    resources: int | None
    updated: str | None


def read_snapshot(exported: str) -> Snapshot:
    """Read what `pulumi stack export` prints."""
    deployment = json.loads(exported).get("deployment") or {}
    raw_resources = deployment.get("resources") or []
    stack: dict[str, Any] = next((one for one in raw_resources if one["type"] == STACK_TYPE), {})
    return Snapshot(
        resources=tuple(_resource(one) for one in raw_resources),
        pending=tuple(_pending(one) for one in deployment.get("pending_operations") or []),
        outputs=_outputs(stack.get("outputs") or {}),
    )


def read_stacks(listed: str) -> Iterator[StackName]:
    """Read what `pulumi stack ls --all --json` prints; names are `org/project/stack`."""
    for one in json.loads(listed):
        parts = one["name"].split("/")
        project = parts[-2] if len(parts) > 1 else ""
        yield StackName(project, parts[-1], one.get("resourceCount"), one.get("lastUpdate"))


def _resource(raw: Mapping[str, Any]) -> Resource:
    return Resource(
        urn=raw["urn"],
        type=raw["type"],
        name=resource_name(raw["urn"]),
        id=raw.get("id", ""),
        parent=raw.get("parent", ""),
        created=datetime.fromisoformat(raw["created"]) if raw.get("created") else None,
    )


def _pending(raw: Mapping[str, Any]) -> PendingOperation:
    resource = raw["resource"]
    return PendingOperation(resource["urn"], resource["type"], resource_name(resource["urn"]), raw["type"])


def _outputs(raw: Mapping[str, Any]) -> Outputs:
    secret = frozenset(name for name, value in raw.items() if MASK in json.dumps(mask_secrets(value)))
    return Outputs({name: _reveal(value) for name, value in raw.items()}, secret)


def _reveal(value: Any) -> Any:
    """Show a secret only where the export was made with its plain text."""
    if is_secret(value):
        return json.loads(value["plaintext"]) if "plaintext" in value else MASK
    if isinstance(value, dict):
        return {key: _reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_reveal(item) for item in value]
    return value
