"""SageMaker's operations on clusters: created, described, changed, deleted, and their nodes listed and replaced."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.clusters.checks import check_groups, failure
from llmstrat_iac.sandbox.emulator.clusters.controller import submit
from llmstrat_iac.sandbox.emulator.clusters.store import (
    CREATING,
    UPDATING,
    Cluster,
    Node,
    cluster,
    clusters,
    everything,
)
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, arn, tag_map
from llmstrat_iac.sandbox.jobs import Course, Phase, clock, job_seconds

_KEPT = (
    "VpcConfig", "Orchestrator", "NodeRecovery", "NodeProvisioningMode", "ClusterRole", "TieredStorageConfig",
    "AutoScaling",
)  # fmt: skip
_GROUP = (
    "InstanceGroupName", "InstanceType", "LifeCycleConfig", "ExecutionRole", "InstanceStorageConfigs",
    "OnStartDeepHealthChecks", "TrainingPlanArn", "OverrideVpcConfig", "SlurmConfig", "NetworkInterface",
    "CapacityRequirements",
)  # fmt: skip
_CHANGEABLE = (
    "InstanceGroups", "NodeRecovery", "NodeProvisioningMode", "ClusterRole", "TieredStorageConfig", "Orchestrator",
    "AutoScaling",
)  # fmt: skip


def create(asked: Arguments) -> Mapping[str, Any]:
    """CreateCluster."""
    name = asked["ClusterName"]
    refuse(STORE.faults.refusal(name), quota="ResourceLimitExceeded", message="The limit of clusters is exceeded.")
    if any(each.name == name for each in everything()):
        raise ApiError("ResourceInUse", f"Cluster with name {name} already exists.")
    check_groups(asked)
    course = Course(failure(asked), seconds=CREATING * job_seconds())
    made = Cluster(arn(f"cluster/{secrets.token_hex(6)}"), name, {"NodeRecovery": "Automatic", **asked}, course)
    made.settle()
    clusters[name] = made
    STORE.tags[made.arn] = tag_map(asked.get("Tags"))
    submit(made)
    return {"ClusterArn": made.arn}


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeCluster."""
    found = cluster(asked["ClusterName"])
    return {
        **{key: found.asked[key] for key in _KEPT if found.asked.get(key) is not None},
        **_summary(found),
        "FailureMessage": found.course.complaint if found.course.phase() is Phase.FAILED else None,
        "InstanceGroups": [_group(found, each) for each in found.groups],
    }


def _group(found: Cluster, group: Mapping[str, Any]) -> dict[str, Any]:
    image = group.get("ImageId") or "default"
    return {
        **{key: group[key] for key in _GROUP if group.get(key) is not None},
        "CurrentCount": len(found.working(group["InstanceGroupName"])),
        "TargetCount": group["InstanceCount"],
        "ThreadsPerCore": group.get("ThreadsPerCore") or 1,
        "Status": found.status,
        "CurrentImageId": image,
        "DesiredImageId": image,
    }


def _summary(found: Cluster) -> dict[str, Any]:
    found.noticed = found.noticed or found.status == "InService"
    return {
        "ClusterArn": found.arn,
        "ClusterName": found.name,
        "CreationTime": found.created,
        "ClusterStatus": found.status,
    }


def list_clusters(asked: Arguments) -> Mapping[str, Any]:
    """ListClusters."""
    wanted = asked.get("NameContains") or ""
    found = [each for each in everything() if wanted in each.name]
    found.sort(key=lambda each: each.created, reverse=asked.get("SortOrder") != "Ascending")
    some, token = page(found, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"ClusterSummaries": [_summary(each) for each in some], "NextToken": token}


def list_nodes(asked: Arguments) -> Mapping[str, Any]:
    """ListClusterNodes."""
    found, wanted = cluster(asked["ClusterName"]), asked.get("InstanceGroupNameContains") or ""
    nodes = [node for node in found.nodes if wanted in node.group]
    some, token = page(nodes, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"ClusterNodeSummaries": [_node(found, node) for node in some], "NextToken": token}


def _node(found: Cluster, node: Node) -> dict[str, Any]:
    group = next(each for each in found.groups if each["InstanceGroupName"] == node.group)
    coming = "DeepHealthCheckInProgress" if group.get("OnStartDeepHealthChecks") else "Pending"
    states = {"Creating": coming, "Deleting": "ShuttingDown"}
    status = "Failure" if node.failed is not None else states.get(found.status, "Running")
    return {
        "InstanceGroupName": node.group,
        "InstanceId": node.id,
        "InstanceType": node.kind,
        "LaunchTime": node.launched,
        "InstanceStatus": {"Status": status},
        "PrivateDnsHostname": f"{node.host}.ec2.internal",
    }


def describe_node(asked: Arguments) -> Mapping[str, Any]:
    """DescribeClusterNode."""
    found = cluster(asked["ClusterName"])
    for node in found.nodes:
        if node.id == asked.get("NodeId"):
            return {"NodeDetails": {**_node(found, node), "PrivatePrimaryIp": node.address}}
    raise ApiError("ResourceNotFound", f"Node {asked.get('NodeId')} was not found in cluster {found.name}.")


def update(asked: Arguments) -> Mapping[str, Any]:
    """UpdateCluster: numbers of nodes, groups added or deleted, recovery; a group's type stays."""
    found = cluster(asked["ClusterName"])
    if found.status != "InService":
        raise ApiError("ConflictException", f"Cluster {found.name} is {found.status}: it can't be updated.")
    changes = {key: asked[key] for key in _CHANGEABLE if asked.get(key) is not None}
    gone = set(asked.get("InstanceGroupsToDelete") or ())
    given = {each["InstanceGroupName"]: each for each in asked.get("InstanceGroups") or ()}
    before = {each["InstanceGroupName"]: each for each in found.groups if each["InstanceGroupName"] not in gone}
    for name, group in given.items():
        if name in before and before[name].get("InstanceType") != group.get("InstanceType"):
            raise ApiError("ValidationException", f"The instance type of instance group {name} can't be changed.")
    wanted = {**found.asked, **changes, "InstanceGroups": list({**before, **given}.values())}
    check_groups(wanted, without=found.name)
    found.asked, found.updating = wanted, True
    found.course = Course(seconds=UPDATING * job_seconds())
    found.settle()
    return {"ClusterArn": found.arn}


def replace_nodes(asked: Arguments) -> Mapping[str, Any]:
    """BatchReplaceClusterNodes: each comes back as another instance."""
    found = cluster(asked["ClusterName"])
    known = {node.id: node for node in found.nodes}
    wanted = asked.get("NodeIds") or ()
    for each in wanted:
        if each in known:
            known[each].failed = clock()
    words = {"ErrorCode": "InstanceIdNotFound", "Message": "The node isn't in the cluster."}
    failed = [{"NodeId": each, **words} for each in wanted if each not in known]
    return {"Successful": [each for each in wanted if each in known], "Failed": failed}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """DeleteCluster."""
    found = cluster(asked["ClusterName"])
    if found.status in ("Creating", "Updating"):
        message = f"Cluster {found.name} is {found.status}: wait until it is in service to delete it."
        raise ApiError("ConflictException", message)
    found.deleted = found.deleted or clock()
    return {"ClusterArn": found.arn}


HANDLERS: Mapping[str, Handler] = {
    "CreateCluster": create,
    "DescribeCluster": describe,
    "ListClusters": list_clusters,
    "ListClusterNodes": list_nodes,
    "DescribeClusterNode": describe_node,
    "UpdateCluster": update,
    "BatchReplaceClusterNodes": replace_nodes,
    "DeleteCluster": delete,
}
