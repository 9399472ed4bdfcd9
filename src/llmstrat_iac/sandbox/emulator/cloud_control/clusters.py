"""`AWS::SageMaker::Cluster` for Cloud Control: its properties are CreateCluster's, its identifier is the ARN."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from llmstrat_iac.sandbox.emulator.clusters import operations
from llmstrat_iac.sandbox.emulator.clusters.store import Cluster, cluster, everything
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, JsonApi
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE

_SAGEMAKER = JsonApi("sagemaker", operations.HANDLERS)
_UPDATED = ("InstanceGroups", "NodeRecovery", "NodeProvisioningMode", "ClusterRole", "TieredStorageConfig")


def create(desired: Arguments) -> str:
    """Begin it; returns the ARN."""
    asked = {"ClusterName": f"cluster-{uuid4().hex[:12]}", **desired}
    return str(_SAGEMAKER.call("CreateCluster", asked)["ClusterArn"])


def read(identifier: str) -> Mapping[str, Any] | None:
    """Its properties; None once it is gone."""
    found = _found(identifier)
    if found is None:
        return None
    told = dict(operations.describe({"ClusterName": identifier}))
    counts = {each["InstanceGroupName"]: each["CurrentCount"] for each in told["InstanceGroups"]}
    groups = [{**each, "CurrentCount": counts[each["InstanceGroupName"]]} for each in found.groups]
    tags = [{"Key": key, "Value": value} for key, value in found.tags().items()]
    created = datetime.fromtimestamp(found.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told |= {"InstanceGroups": groups, "CreationTime": created, "Tags": tags or None}
    return {key: value for key, value in told.items() if value is not None}


def update(identifier: str, before: Mapping[str, Any], desired: Arguments) -> None:
    """Begin to change it. Groups that are left out go."""
    asked = {key: desired[key] for key in _UPDATED if desired.get(key) is not None}
    names = {each["InstanceGroupName"] for each in desired.get("InstanceGroups") or ()}
    gone = [each["InstanceGroupName"] for each in before["InstanceGroups"] if each["InstanceGroupName"] not in names]
    more = {"InstanceGroupsToDelete": gone} if gone else {}
    _SAGEMAKER.call("UpdateCluster", {"ClusterName": identifier, **asked, **more})
    STORE.tags[identifier] = {tag["Key"]: tag["Value"] for tag in desired.get("Tags") or ()}


def delete(identifier: str) -> None:
    """Begin to delete it; one that is on its way out is fine."""
    operations.delete({"ClusterName": identifier})


def progress(identifier: str) -> tuple[str, str | None]:
    """How far it is."""
    found = _found(identifier)
    if found is None:
        return "FAILED", "the cluster is gone"
    states = {"InService": "SUCCESS", "Failed": "FAILED"}
    return states.get(found.status, "IN_PROGRESS"), found.course.complaint


def identifiers() -> list[str]:
    """All clusters' ARNs."""
    return [each.arn for each in everything()]


def _found(identifier: str) -> Cluster | None:
    try:
        return cluster(identifier)
    except ApiError:
        return None
