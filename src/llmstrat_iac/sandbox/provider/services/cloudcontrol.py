"""Cloud Control: a resource of any registered type, described by a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.provider.faults import ResourceError
from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import request
from llmstrat_iac.sandbox.provider.services.waiting import wait
from llmstrat_iac.sandbox.provider.values import Props
from llmstrat_iac.sandbox.resource_types import REGISTERED_TYPES

COMMON = {"TypeName": "typeName", "TypeVersionId": "typeVersionId", "RoleArn": "roleArn"}


@resource("aws:cloudcontrol/resource:Resource")
class CloudControlResource(Resource):
    """Its id is the primary identifier that the request returns; drift shows in `properties` only."""

    def create(self, call: Call, args: Props) -> str:
        client = call.client("cloudcontrol")
        begun = client.create_resource(DesiredState=args["desiredState"], **request(args, COMMON))
        return str(_over(client, begun)["Identifier"])

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = call.client("cloudcontrol").get_resource(Identifier=rid, **request(state, COMMON))
        registered = REGISTERED_TYPES.get(state["typeName"])
        return {
            "properties": found["ResourceDescription"]["Properties"],
            **({"schema": registered.schema()} if registered and not state.get("schema") else {}),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("cloudcontrol")
        patch = json.dumps(patch_between(json.loads(old["desiredState"]), json.loads(new["desiredState"])))
        _over(client, client.update_resource(Identifier=rid, PatchDocument=patch, **request(new, COMMON)))

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("cloudcontrol")
        _over(client, client.delete_resource(Identifier=rid, **request(state, COMMON)))

    def replaced_by(self, state: Props, news: Props) -> frozenset[str]:
        """A path that the type's schema calls create-only makes a new resource of the same type."""
        registered = REGISTERED_TYPES.get(str(state.get("typeName")))
        if registered is None or not isinstance(news.get("desiredState"), str):
            return frozenset()
        before, after = json.loads(state["desiredState"]), json.loads(news["desiredState"])
        changed = any(before.get(name) != after.get(name) for name in registered.create_only)
        return frozenset({"desiredState"}) if changed else frozenset()


def patch_between(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[dict[str, Any]]:
    """The JSON patch (RFC 6902) that turns one document into another; lists are replaced whole."""
    patch: list[dict[str, Any]] = []
    for key in {**old, **new}:
        here = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if key not in new:
            patch.append({"op": "remove", "path": here})
        elif key not in old:
            patch.append({"op": "add", "path": here, "value": new[key]})
        elif isinstance(old[key], dict) and isinstance(new[key], dict):
            patch += patch_between(old[key], new[key], here)
        elif old[key] != new[key]:
            patch.append({"op": "replace", "path": here, "value": new[key]})
    return patch


def _over(client: Any, begun: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request's event once it has succeeded."""
    token = begun["ProgressEvent"]["RequestToken"]

    def event() -> Mapping[str, Any]:
        return dict(client.get_resource_request_status(RequestToken=token)["ProgressEvent"])

    try:
        wait(lambda: str(event()["OperationStatus"]), "IN_PROGRESS", "SUCCESS")
    except ResourceError as error:
        failed = event()
        reason = failed.get("StatusMessage") or failed.get("ErrorCode") or ""
        raise ResourceError(f"waiting for Cloud Control: {failed['OperationStatus']}: {reason}") from error
    return event()
