"""SageMaker's model packages and their groups, which hold what serverless customization makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, Group, Job, Package, arn, tag_map


def create_group(asked: Arguments) -> Mapping[str, Any]:
    """A group is there at once."""
    name = asked["ModelPackageGroupName"]
    if name in STORE.groups:
        raise ApiError("ValidationException", f"Model Package Group already exists: {name}")
    made = Group(arn(f"model-package-group/{name}"), name, asked.get("ModelPackageGroupDescription"))
    STORE.groups[name] = made
    STORE.tags[made.arn] = tag_map(asked.get("Tags"))
    return {"ModelPackageGroupArn": made.arn}


def group(identifier: str) -> Group:
    """A group by name or ARN."""
    found: Group | None = STORE.groups.get(identifier.rpartition("/")[2])
    if found is None:
        raise ApiError("ValidationException", f"ModelPackageGroup {identifier} does not exist.")
    return found


def _group_summary(found: Group) -> dict[str, Any]:
    summary = {
        "ModelPackageGroupName": found.name,
        "ModelPackageGroupArn": found.arn,
        "CreationTime": found.created,
        "ModelPackageGroupStatus": "Completed",
    }
    return summary | ({"ModelPackageGroupDescription": found.description} if found.description else {})


def describe_group(asked: Arguments) -> Mapping[str, Any]:
    """A group in full."""
    return {**_group_summary(group(asked["ModelPackageGroupName"])), "CreatedBy": {}}


def list_groups(asked: Arguments) -> Mapping[str, Any]:
    """By name."""
    named = asked.get("NameContains") or ""
    found = sorted((item for item in STORE.groups.values() if named in item.name), key=lambda item: item.name)
    shown, token = page(found, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"ModelPackageGroupSummaryList": [_group_summary(item) for item in shown], "NextToken": token}


def delete_group(asked: Arguments) -> Mapping[str, Any]:
    """Refused while it holds packages."""
    found = group(asked["ModelPackageGroupName"])
    if any(package.group is found for package in STORE.packages.values()):
        raise ApiError(
            "ConflictException", f"Model Package Group cannot be deleted because it isn't empty: {found.name}"
        )
    del STORE.groups[found.name]
    STORE.tags.pop(found.arn, None)
    return {}


def add(group_arn: str, job: Job) -> str:
    """Register what a job has made as the next version of a group; returns its ARN, empty if the group is gone."""
    found: Group | None = STORE.groups.get(group_arn.rpartition("/")[2])
    if found is None:
        return ""
    found.last += 1
    base = (job.asked.get("ServerlessJobConfig") or {}).get("BaseModelArn")
    made = Package(arn(f"model-package/{found.name}/{found.last}"), found, found.last, job.artifact, base)
    STORE.packages[made.arn] = made
    STORE.tags[made.arn] = {}
    return made.arn


def _package(identifier: str) -> Package:
    found: Package | None = STORE.packages.get(identifier)
    if found is None:
        raise ApiError("ValidationException", f"ModelPackage {identifier} does not exist.")
    return found


def _package_summary(package: Package) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": package.group.name,
        "ModelPackageVersion": package.version,
        "ModelPackageArn": package.arn,
        "CreationTime": package.created,
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": package.approval,
    }


def describe(asked: Arguments) -> Mapping[str, Any]:
    """A package in full, with its base model and its files."""
    package = _package(asked["ModelPackageName"])
    container: dict[str, Any] = {"ModelDataUrl": package.artifact}
    named = re.search(r"/Model/([^/]+)(?:/(.+))?$", package.base_model_arn or "")
    if named:
        container["BaseModel"] = {"HubContentName": named.group(1), "HubContentVersion": named.group(2) or "1.0.0"}
    return {
        **_package_summary(package),
        "ModelPackageName": package.group.name,
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [container]},
    }


def list_packages(asked: Arguments) -> Mapping[str, Any]:
    """Those of a group (by name or ARN), or all; the newest first, unless asked otherwise."""
    named = asked.get("ModelPackageGroupName")
    wanted = group(named) if named else None
    found = [package for package in STORE.packages.values() if wanted in (None, package.group)]
    found.sort(key=lambda package: package.created, reverse=asked.get("SortOrder") != "Ascending")
    shown, token = page(found, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"ModelPackageSummaryList": [_package_summary(package) for package in shown], "NextToken": token}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """At once; the files stay."""
    package = _package(asked["ModelPackageName"])
    del STORE.packages[package.arn]
    STORE.tags.pop(package.arn, None)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "CreateModelPackageGroup": create_group,
    "DescribeModelPackageGroup": describe_group,
    "ListModelPackageGroups": list_groups,
    "DeleteModelPackageGroup": delete_group,
    "DescribeModelPackage": describe,
    "ListModelPackages": list_packages,
    "DeleteModelPackage": delete,
}
