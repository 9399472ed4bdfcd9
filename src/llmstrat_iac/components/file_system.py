"""A parallel file system between objects in S3 and the nodes of a cluster: FSx for Lustre, linked to prefixes of S3.

Usable from any Pulumi program. It bills from its creation to its end, used or not, so `stop_call` belongs into the
stack's expiry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.expiry import DELETE_FILE_SYSTEM, StopCall

_VERSION = "2.15"
"""Of Lustre: the newest, and what a metadata configuration asks for (2.12 or newer)."""
_AFTER_THE_NODES = timedelta(minutes=30)
_ALL = ["NEW", "CHANGED", "DELETED"]


@dataclass(frozen=True)
class Link:
    """A folder of the file system that shows a prefix in S3; contents are fetched when they are first read."""

    folder: str
    """Absolute, such as `/corpus`."""
    uri: pulumi.Input[str]
    """`s3://bucket/prefix/`."""
    exports: bool = False
    """Whether what is written to the folder goes to S3, too."""


@dataclass(frozen=True)
class FileSystemArgs:
    """How large, how fast, where, and what it shows."""

    name: str
    """Physical name: the `Name` tag and the log group's last part."""
    subnet_id: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    """Of file system and nodes: one that admits itself, as `ClusterNetwork`'s."""
    gib: int
    """1200, or a multiple of 2400; `pretraining.storage` chooses it."""
    mbps_per_tib: int
    links: Sequence[Link] = ()
    after: Sequence[pulumi.Resource] = ()
    """The network's rules: FSx checks that Lustre's ports are open, and refuses otherwise. Options of a component
    don't reach what is in it."""
    log_retention_days: int = 30


class FileSystem(pulumi.ComponentResource):
    """The file system, its links and its log."""

    file_system_id: pulumi.Output[str]
    arn: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    mount_name: pulumi.Output[str]
    """`mount -t lustre DNS_NAME@tcp:/MOUNT_NAME`; in SageMaker, `/MOUNT_NAME/FOLDER` is the directory's path."""
    ready: list[pulumi.Resource]
    """What nodes must wait for."""

    def __init__(self, name: str, args: FileSystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llmstrat:cluster:FileSystem", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        log = aws.cloudwatch.LogGroup(
            f"{name}-files",
            aws.cloudwatch.LogGroupArgs(name=log_name(args.name), retention_in_days=args.log_retention_days),
            opts=child,
        )
        system = _lustre(name, args, log, child)
        links = [_link(name, system, link, child) for link in args.links]
        self.file_system_id, self.arn = system.id, system.arn
        self.dns_name, self.mount_name = system.dns_name, system.mount_name
        self.ready = [system, *links]
        self.register_outputs(
            {"file_system_id": self.file_system_id, "dns_name": self.dns_name, "mount_name": self.mount_name}
        )

    def stop_call(self, schedule: str) -> StopCall:
        """Deletes it without a backup, when the nodes have let go of it. Its links go with it."""
        call = {"FileSystemId": self.file_system_id, "LustreConfiguration": {"SkipFinalBackup": True}}
        return StopCall(DELETE_FILE_SYSTEM, schedule, "the file system", call, self.arn, _AFTER_THE_NODES)


def log_name(name: str) -> str:
    """FSx writes to log groups below `/aws/fsx` only.

    https://docs.aws.amazon.com/fsx/latest/LustreGuide/cw-event-logging.html
    """
    return f"/aws/fsx/{name}"


def _lustre(
    name: str, args: FileSystemArgs, log: aws.cloudwatch.LogGroup, opts: pulumi.ResourceOptions
) -> aws.fsx.LustreFileSystem:
    data = aws.fsx
    return data.LustreFileSystem(
        name,
        data.LustreFileSystemArgs(
            deployment_type="PERSISTENT_2",
            storage_type="SSD",
            storage_capacity=args.gib,
            per_unit_storage_throughput=args.mbps_per_tib,
            file_system_type_version=_VERSION,
            metadata_configuration=data.LustreFileSystemMetadataConfigurationArgs(mode="AUTOMATIC"),
            data_compression_type="LZ4",
            # EFA to the file system can't be switched on later, and asks for 4.8 TiB or more and for clients that
            # are set up for it; reading text and writing a checkpoint an hour doesn't need it.
            efa_enabled=False,
            # Everything in it is in S3, or can be made again.
            automatic_backup_retention_days=0,
            skip_final_backup=True,
            subnet_ids=args.subnet_id,
            security_group_ids=[args.security_group_id],
            log_configuration=data.LustreFileSystemLogConfigurationArgs(destination=log.arn, level="WARN_ERROR"),
            tags={"Name": args.name},
        ),
        # A smaller one would be a new one, without the checkpoints.
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(ignore_changes=["storageCapacity"], depends_on=list(args.after))
        ),
    )


def _link(
    name: str, system: aws.fsx.LustreFileSystem, link: Link, opts: pulumi.ResourceOptions
) -> aws.fsx.DataRepositoryAssociation:
    data = aws.fsx
    exports = data.DataRepositoryAssociationS3AutoExportPolicyArgs(events=_ALL) if link.exports else None
    return data.DataRepositoryAssociation(
        f"{name}-{link.folder.strip('/').replace('/', '-')}",
        data.DataRepositoryAssociationArgs(
            file_system_id=system.id,
            file_system_path=link.folder,
            data_repository_path=link.uri,
            batch_import_meta_data_on_create=True,
            # S3 has it all: deleting the link, just before the file system, needn't walk through millions of files.
            delete_data_in_filesystem=False,
            s3=data.DataRepositoryAssociationS3Args(
                auto_import_policy=data.DataRepositoryAssociationS3AutoImportPolicyArgs(events=_ALL),
                auto_export_policy=exports,
            ),
        ),
        opts=opts,
    )
