"""Rows of what a training cluster is made of: a file system with a link to S3, reserved capacity, HyperPod."""

from __future__ import annotations

import json

import pulumi
from aws_case import Case, Cloud, Inputs, Made, found

_PORTS = {"protocol": "tcp", "from_port": 988, "to_port": 988, "self": True}


def _file_system(m: Made) -> Inputs:
    return {
        "deployment_type": "PERSISTENT_2", "storage_capacity": 1200, "per_unit_storage_throughput": 250,
        "file_system_type_version": "2.15", "metadata_configuration": {"mode": "AUTOMATIC"},
        "data_compression_type": "LZ4", "efa_enabled": False, "automatic_backup_retention_days": 0,
        "subnet_ids": m["home-subnet"].id, "security_group_ids": [m["lustre-group"].id], "tags": {"team": "a"},
    }  # fmt: skip


def _file_system_exists(aws: Cloud, out: Inputs) -> object:
    return found(aws("fsx").describe_file_systems()["FileSystems"], FileSystemId=out["id"], Lifecycle="AVAILABLE")


def _link_exists(aws: Cloud, out: Inputs) -> object:
    return found(aws("fsx").describe_data_repository_associations()["Associations"], AssociationId=out["id"])


def _reserved(aws: Cloud, out: Inputs) -> object:
    reservations = aws("ec2").describe_capacity_reservations()["CapacityReservations"]
    return found(reservations, CapacityReservationId=out["id"], State="active")


def _hyperpod(m: Made, name: str, workers: int) -> pulumi.Output[str]:
    def state(known: dict[str, str]) -> str:
        def group(name: str, kind: str, count: int, node: dict[str, object]) -> dict[str, object]:
            common = {"ExecutionRole": known["role"], "SlurmConfig": node}
            return {"InstanceGroupName": name, "InstanceType": kind, "InstanceCount": count, **common}

        compute = {"NodeType": "Compute", "PartitionNames": ["train"]}
        return json.dumps({
            "ClusterName": name, "Orchestrator": {"Slurm": {"SlurmConfigStrategy": "Managed"}},
            "VpcConfig": {"Subnets": [known["subnet"]], "SecurityGroupIds": [known["group"]]},
            "InstanceGroups": [
                group("controller", "ml.m5.large", 1, {"NodeType": "Controller"}),
                group("workers", "ml.p4d.24xlarge", workers, compute),
            ],
            "Tags": [{"Key": "team", "Value": "a"}],
        })  # fmt: skip

    places = {"role": m["tuning-role"].arn, "subnet": m["home-subnet"].id, "group": m["lustre-group"].id}
    return pulumi.Output.all(**places).apply(state)


def _cluster_exists(aws: Cloud, out: Inputs) -> object:
    return found(aws("sagemaker").list_clusters()["ClusterSummaries"], ClusterArn=out["id"], ClusterStatus="InService")


def _group_exists(aws: Cloud, out: Inputs) -> object:
    return found(aws("ec2").describe_security_groups()["SecurityGroups"], GroupId=out["id"])


CLUSTER = (
    Case(
        "lustre-group", "aws:ec2/securityGroup:SecurityGroup",
        lambda m: {"vpc_id": m["home-vpc"].id, "ingress": [_PORTS]}, None, None,
        _group_exists,
    ),
    Case(
        "home-files", "aws:fsx/lustreFileSystem:LustreFileSystem", _file_system, None, None, _file_system_exists,
    ),
    Case(
        "files", "aws:fsx/lustreFileSystem:LustreFileSystem",
        _file_system,
        lambda m: {"per_unit_storage_throughput": 500, "storage_capacity": 2400, "tags": {"team": "b"}},
        lambda m: {"storage_capacity": 1200},
        _file_system_exists,
    ),
    Case(
        "link", "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        lambda m: {
            "file_system_id": m["home-files"].id, "file_system_path": "/corpus",
            "data_repository_path": pulumi.Output.concat("s3://", m["home-bucket"].id, "/corpus/"),
            "batch_import_meta_data_on_create": True, "tags": {"team": "a"},
            "s3": {"auto_import_policy": {"events": ["NEW", "CHANGED", "DELETED"]}},
        },
        lambda m: {
            "s3": {
                "auto_import_policy": {"events": ["DELETED", "NEW"]}, "auto_export_policy": {"events": ["NEW"]},
            },
            "tags": {"team": "b"},
        },
        lambda m: {
            "file_system_path": "/other",
            "data_repository_path": pulumi.Output.concat("s3://", m["home-bucket"].id, "/other/"),
        },
        _link_exists,
    ),
    Case(
        "reservation", "aws:ec2/capacityReservation:CapacityReservation",
        lambda m: {
            "instance_type": "p4d.24xlarge", "instance_platform": "Linux/UNIX", "availability_zone": "us-east-1a",
            "instance_count": 2, "instance_match_criteria": "targeted", "tags": {"team": "a"},
        },
        lambda m: {
            "instance_count": 3, "end_date_type": "limited", "end_date": "2031-01-02T03:04:05Z", "tags": {"team": "b"},
        },
        lambda m: {"availability_zone": "us-east-1b"},
        _reserved,
    ),
    Case(
        "hyperpod", "aws:cloudcontrol/resource:Resource",
        lambda m: {"type_name": "AWS::SageMaker::Cluster", "desired_state": _hyperpod(m, "fidelity-cluster", 2)},
        lambda m: {"desired_state": _hyperpod(m, "fidelity-cluster", 3)},
        lambda m: {"desired_state": _hyperpod(m, "fidelity-other-cluster", 3)},
        _cluster_exists,
    ),
)  # fmt: skip
