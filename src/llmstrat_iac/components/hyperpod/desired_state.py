"""The cluster as Cloud Control is asked for it: `AWS::SageMaker::Cluster`, with Slurm configured by the API.

Names as in CloudFormation's reference, which for this type are those of SageMaker's CreateCluster:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-cluster.html
The document has two groups and their counts, whatever the number of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from llmstrat_iac.components.file_system import FileSystem
from llmstrat_iac.components.hyperpod import lifecycle
from llmstrat_iac.components.hyperpod.names import CONTROLLER, PARTITION, WORKERS
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.pretraining import ResolvedPretraining

TYPE = "AWS::SageMaker::Cluster"
SHARED = "/fsx"
"""Where nodes see the file system."""


@dataclass(frozen=True)
class Nodes:
    """What all nodes of a cluster have in common."""

    lifecycle_uri: pulumi.Input[str]
    controller_role: pulumi.Input[str]
    worker_role: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]


def desired_state(
    pretraining: ResolvedPretraining,
    nodes: Nodes,
    storage: FileSystem | None,
    *,
    name: str,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """JSON with outputs in it."""
    return {
        "ClusterName": name,
        "Orchestrator": {"Slurm": {"SlurmConfigStrategy": "Managed"}},
        "NodeRecovery": "Automatic" if pretraining.options.replace_nodes else "None",
        "VpcConfig": {"Subnets": [nodes.subnet_id], "SecurityGroupIds": [nodes.security_group_id]},
        "InstanceGroups": [_controller(pretraining, nodes), _workers(pretraining, nodes, storage)],
        # Default tags of the provider don't reach what Cloud Control creates.
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
    }


def _controller(pretraining: ResolvedPretraining, nodes: Nodes) -> dict[str, Any]:
    return {
        "InstanceGroupName": CONTROLLER,
        "InstanceType": pretraining.options.controller,
        "InstanceCount": 1,
        "SlurmConfig": {"NodeType": "Controller"},
        "ExecutionRole": nodes.controller_role,
        "LifeCycleConfig": _life_cycle(nodes, lifecycle.CONTROLLER),
        **_image(pretraining),
    }


def _workers(pretraining: ResolvedPretraining, nodes: Nodes, storage: FileSystem | None) -> dict[str, Any]:
    plan, cluster, options = pretraining.plan, pretraining.cluster, pretraining.options
    group: dict[str, Any] = {
        "InstanceGroupName": WORKERS,
        "InstanceType": instance_name(plan.instance.name),
        "InstanceCount": plan.nodes + cluster.spare_nodes,
        "SlurmConfig": {"NodeType": "Compute", "PartitionNames": [PARTITION]},
        "ExecutionRole": nodes.worker_role,
        "LifeCycleConfig": _life_cycle(nodes, lifecycle.WORKER),
        "InstanceStorageConfigs": _storage(options.volume_gb, storage),
        **_image(pretraining),
    }
    if options.deep_health_checks:
        checks = ["InstanceStress", "InstanceConnectivity"]
        # A node alone has nobody to be connected to.
        group["OnStartDeepHealthChecks"] = checks if group["InstanceCount"] > 1 else checks[:1]
    if plan.instance.efa_interfaces > 1:
        # Addresses on one card instead of on each: 32 times fewer on p5.
        group["NetworkInterface"] = {"InterfaceType": "efa-only"}
    if cluster.capacity == "training-plan":
        group["TrainingPlanArn"] = cluster.reservation
    return group


def _storage(volume_gb: int, storage: FileSystem | None) -> list[dict[str, Any]]:
    """SageMaker encrypts the volume with a key of its own."""
    disks: list[dict[str, Any]] = [{"EbsVolumeConfig": {"VolumeSizeInGB": volume_gb}}]
    if storage is not None:
        lustre = {"DnsName": storage.dns_name, "MountName": storage.mount_name, "MountPath": SHARED}
        disks.append({"FsxLustreConfig": lustre})
    return disks


def _life_cycle(nodes: Nodes, entry: str) -> dict[str, Any]:
    """After HyperPod's own set-up of Slurm and the mounts. The reference asks for a bucket named `sagemaker-…` because
    of AWS's managed policy; our roles read the stack's."""
    return {"SourceS3Uri": nodes.lifecycle_uri, "OnInitComplete": entry}


def _image(pretraining: ResolvedPretraining) -> dict[str, Any]:
    ami = pretraining.options.ami
    return {} if ami is None else {"ImageId": ami}
