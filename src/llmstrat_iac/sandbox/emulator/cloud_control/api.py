"""Cloud Control's operations for our own types: requests that take as long as the thing itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from ministack.core.responses import AccountRegionScopedDict
from ministack.services.cloudcontrol import _apply_json_patch, _PatchError

from llmstrat_iac.sandbox.emulator.cloud_control.types import TYPES, ResourceType
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, PassOnError, page
from llmstrat_iac.sandbox.jobs import clock

# What a handler's error code says of a service's.
_HANDLER_CODES = {
    "ResourceLimitExceeded": "ServiceLimitExceeded",
    "ThrottlingException": "Throttling",
    "NotUpdatable": "NotUpdatable",
}


@dataclass
class Request:
    """One mutation; `failure` is why it was over before it began."""

    kind: ResourceType
    operation: str
    identifier: str | None
    failure: ApiError | None = None
    token: str = field(default_factory=lambda: str(uuid4()))
    begun: float = field(default_factory=clock)

    def event(self) -> dict[str, Any]:
        """How far it is."""
        status, reason, code = "SUCCESS", None, None
        if self.failure is not None:
            status, reason = "FAILED", self.failure.message
            code = _HANDLER_CODES.get(self.failure.code, "InvalidRequest")
        elif self.operation == "DELETE" and self.identifier is not None:
            status = "SUCCESS" if self.kind.read(self.identifier) is None else "IN_PROGRESS"
        elif self.identifier is not None:
            status, reason = self.kind.progress(self.identifier)
            code = "NotStabilized" if status == "FAILED" else None
        members = {
            "TypeName": self.kind.registered.name,
            "Identifier": self.identifier,
            "RequestToken": self.token,
            "Operation": self.operation,
            "OperationStatus": status,
            "EventTime": self.begun,
            "StatusMessage": reason,
            "ErrorCode": code,
        }
        return {name: value for name, value in members.items() if value is not None}


_requests = AccountRegionScopedDict()
# What was asked for last, by identifier: an update's patch is relative to it.
_desired = AccountRegionScopedDict()


def _kind(asked: Arguments) -> ResourceType:
    kind = TYPES.get(asked["TypeName"])
    if kind is None:
        raise PassOnError
    return kind


def _found(kind: ResourceType, identifier: str) -> Mapping[str, Any]:
    properties = kind.read(identifier)
    if properties is None:
        message = f"Resource of type '{kind.registered.name}' with identifier '{identifier}' was not found."
        raise ApiError("ResourceNotFoundException", message)
    return properties


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ApiError("InvalidRequestException", "the document isn't JSON") from error


def _begun(request: Request) -> Mapping[str, Any]:
    _requests[request.token] = request
    return {"ProgressEvent": {**request.event(), "OperationStatus": "IN_PROGRESS"}}


def create(asked: Arguments) -> Mapping[str, Any]:
    """Begin to make a resource; what its service refuses fails the request, not the call."""
    kind, desired = _kind(asked), _parsed(asked["DesiredState"])
    for path in kind.registered.read_only & set(desired):
        raise ApiError("InvalidRequestException", f"Encountered unsupported property {path}: it is read-only.")
    try:
        identifier = kind.create(desired)
    except ApiError as error:
        return _begun(Request(kind, "CREATE", None, error))
    _desired[identifier] = desired
    return _begun(Request(kind, "CREATE", identifier))


def update(asked: Arguments) -> Mapping[str, Any]:
    """Begin to change a resource by a JSON patch."""
    kind, identifier = _kind(asked), asked["Identifier"]
    before = _found(kind, identifier)
    kept = _desired.get(identifier) or {}
    try:
        desired = _apply_json_patch(copy.deepcopy({**kept}), _parsed(asked["PatchDocument"]))
    except _PatchError as error:
        raise ApiError("InvalidRequestException", str(error)) from error
    changed = sorted(name for name in kind.registered.create_only if desired.get(name) != kept.get(name))
    if changed:
        message = f"Invalid patch update: createOnlyProperties [/properties/{changed[0]}] cannot be updated"
        return _begun(Request(kind, "UPDATE", identifier, ApiError("NotUpdatable", message)))
    try:
        kind.update(identifier, before, desired)
    except ApiError as error:
        return _begun(Request(kind, "UPDATE", identifier, error))
    _desired[identifier] = desired
    return _begun(Request(kind, "UPDATE", identifier))


def delete(asked: Arguments) -> Mapping[str, Any]:
    """Delete a resource."""
    kind, identifier = _kind(asked), asked["Identifier"]
    _found(kind, identifier)
    try:
        kind.delete(identifier)
    except ApiError as error:
        return _begun(Request(kind, "DELETE", identifier, error))
    _desired.pop(identifier, None)
    return _begun(Request(kind, "DELETE", identifier))


def get(asked: Arguments) -> Mapping[str, Any]:
    """A resource's properties."""
    kind, identifier = _kind(asked), asked["Identifier"]
    properties = json.dumps(_found(kind, identifier))
    return {"TypeName": asked["TypeName"], "ResourceDescription": {"Identifier": identifier, "Properties": properties}}


def list_resources(asked: Arguments) -> Mapping[str, Any]:
    """All of a type."""
    kind = _kind(asked)
    shown, token = page(kind.identifiers(), asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    found = [{"Identifier": each, "Properties": json.dumps(_found(kind, each))} for each in shown]
    return {"TypeName": asked["TypeName"], "ResourceDescriptions": found, "NextToken": token}


def status(asked: Arguments) -> Mapping[str, Any]:
    """How far a request of ours is."""
    request = _requests.get(asked["RequestToken"])
    if request is None:
        raise PassOnError
    return {"ProgressEvent": request.event()}


HANDLERS: Mapping[str, Handler] = {
    "CreateResource": create,
    "UpdateResource": update,
    "DeleteResource": delete,
    "GetResource": get,
    "ListResources": list_resources,
    "GetResourceRequestStatus": status,
}
