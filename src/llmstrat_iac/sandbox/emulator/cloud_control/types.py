"""The types that Cloud Control makes for real. One more is one more row in `TYPES` and in `sandbox/resource_types`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from llmstrat_iac.sandbox.emulator.cloud_control import clusters
from llmstrat_iac.sandbox.emulator.hosting import components
from llmstrat_iac.sandbox.emulator.hosting.store import HOSTING
from llmstrat_iac.sandbox.emulator.tuning.protocol import Arguments, JsonApi
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE
from llmstrat_iac.sandbox.resource_types import CLUSTER, INFERENCE_COMPONENT, RegisteredType

_SAGEMAKER = JsonApi("sagemaker", components.HANDLERS)


@dataclass(frozen=True)
class ResourceType:
    """The calls behind one type; identifiers are those of its schema."""

    registered: RegisteredType
    create: Callable[[Arguments], str]
    """Begin it; returns the identifier."""
    read: Callable[[str], Mapping[str, Any] | None]
    """Its properties now, None if it isn't there."""
    update: Callable[[str, Mapping[str, Any], Arguments], None]
    """Begin to change it: properties before, and as they shall be."""
    delete: Callable[[str], None]
    progress: Callable[[str], tuple[str, str | None]]
    """SUCCESS, IN_PROGRESS or FAILED, and the reason of a failure."""
    identifiers: Callable[[], list[str]]


def _create_component(desired: Arguments) -> str:
    asked = {"InferenceComponentName": f"component-{uuid4().hex[:12]}", **desired}
    return str(_SAGEMAKER.call("CreateInferenceComponent", asked)["InferenceComponentArn"])


def _read_component(identifier: str) -> Mapping[str, Any] | None:
    name = _name(identifier)
    if name is None:
        return None
    found = dict(components.describe({"InferenceComponentName": name}))
    times = {key: _iso(found[key]) for key in ("CreationTime", "LastModifiedTime")}
    tags = [{"Key": key, "Value": value} for key, value in STORE.tagged(identifier).items()]
    return {key: value for key, value in {**found, **times, "Tags": tags or None}.items() if value is not None}


def _update_component(identifier: str, before: Mapping[str, Any], desired: Arguments) -> None:
    asked = {
        key: desired[key]
        for key in ("Specification", "RuntimeConfig", "DeploymentConfig")
        if desired.get(key) and desired[key] != before.get(key)
    }
    copies = (desired.get("RuntimeConfig") or {}).get("CopyCount")
    asked.pop("RuntimeConfig", None)
    if copies is not None:
        asked["RuntimeConfig"] = {"CopyCount": copies}
    _SAGEMAKER.call("UpdateInferenceComponent", {"InferenceComponentName": _name(identifier), **asked})
    STORE.tags[identifier] = {tag["Key"]: tag["Value"] for tag in desired.get("Tags") or ()}


def _component_progress(identifier: str) -> tuple[str, str | None]:
    found = components.describe({"InferenceComponentName": _name(identifier)})
    states = {"InService": "SUCCESS", "Failed": "FAILED"}
    return states.get(found["InferenceComponentStatus"], "IN_PROGRESS"), found.get("FailureReason")


def _name(identifier: str) -> str | None:
    return next((item.name for item in HOSTING.components.values() if item.arn == identifier), None)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _delete_component(identifier: str) -> None:
    components.delete({"InferenceComponentName": _name(identifier)})


TYPES: Mapping[str, ResourceType] = {
    kind.registered.name: kind
    for kind in (
        ResourceType(
            INFERENCE_COMPONENT,
            _create_component,
            _read_component,
            _update_component,
            _delete_component,
            _component_progress,
            lambda: [item.arn for item in HOSTING.components.values()],
        ),
        ResourceType(
            CLUSTER,
            clusters.create,
            clusters.read,
            clusters.update,
            clusters.delete,
            clusters.progress,
            clusters.identifiers,
        ),
    )
}
