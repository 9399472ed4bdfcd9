"""FSx's file systems for Lustre: created over time, described, changed, deleted with their links."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.lustre import store
from llmstrat_iac.sandbox.emulator.lustre.checks import check_capacity, check_network, check_new
from llmstrat_iac.sandbox.emulator.lustre.store import FileSystem
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page
from llmstrat_iac.sandbox.jobs import clock

_APART = ("SubnetIds", "SecurityGroupIds", "ClientRequestToken", "LustreConfiguration", "NetworkType")
_OTHERS = ("WindowsConfiguration", "OntapConfiguration", "OpenZFSConfiguration")


def create(asked: Arguments) -> Mapping[str, Any]:
    """CreateFileSystem, of type LUSTRE."""
    if asked["FileSystemType"] != "LUSTRE" or any(asked.get(name) for name in _OTHERS):
        raise ApiError("BadRequest", "the sandbox's FSx has file systems for Lustre only")
    token = asked.get("ClientRequestToken")
    for each in store.file_systems.values():
        if token and each.asked.get("ClientRequestToken") == token:
            return {"FileSystem": shown(each)}
    given = asked.get("LustreConfiguration") or {}
    lustre = {
        "DeploymentType": "SCRATCH_1", "DataCompressionType": "NONE", "CopyTagsToBackups": False,
        "AutomaticBackupRetentionDays": 0, "WeeklyMaintenanceStartTime": "1:04:00",
        "DailyAutomaticBackupStartTime": None, "EfaEnabled": False, **given,
    }  # fmt: skip
    newest = "2.15" if lustre["DeploymentType"] == "PERSISTENT_2" else "2.10"
    asked = {
        "StorageType": "SSD", "FileSystemTypeVersion": newest, "KmsKeyId": _default_key(lustre["DeploymentType"]),
        **asked, "LustreConfiguration": lustre,
    }  # fmt: skip
    check_new(asked, lustre)
    check_network(asked)
    made = FileSystem(asked, id=f"fs-0{secrets.token_hex(8)}", mount_name=_mount_name(lustre["DeploymentType"]))
    made.network = [
        interfaces.add(asked["SubnetIds"][0], asked.get("SecurityGroupIds") or [], description=f"Amazon FSx {made.id}")
        for _ in range(2)
    ]
    store.file_systems[made.id] = made
    return {"FileSystem": shown(made)}


def _default_key(kind: str) -> str | None:
    if kind.startswith("SCRATCH"):
        return None
    return f"arn:aws:kms:{get_region()}:{get_account_id()}:key/aws-fsx"


def _mount_name(kind: str) -> str:
    if kind == "SCRATCH_1":
        return "fsx"
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))


def shown(system: FileSystem) -> dict[str, Any]:
    """A file system as FSx tells of it."""
    lustre = {**system.lustre, "MountName": system.mount_name}
    told = {
        **{key: value for key, value in system.asked.items() if key not in _APART},
        "OwnerId": get_account_id(),
        "CreationTime": system.created,
        "FileSystemId": system.id,
        "Lifecycle": system.lifecycle,
        "VpcId": system.network[0]["VpcId"],
        "SubnetIds": system.asked["SubnetIds"],
        "NetworkInterfaceIds": [each["NetworkInterfaceId"] for each in system.network],
        "DNSName": system.dns_name,
        "ResourceARN": system.arn,
        "Tags": system.tags,
        "LustreConfiguration": {key: value for key, value in lustre.items() if value is not None},
        "AdministrativeActions": [
            {**each, "Status": "IN_PROGRESS" if system.changing else "COMPLETED"} for each in system.actions
        ],
    }
    return {key: value for key, value in told.items() if value is not None}


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeFileSystems."""
    store.sweep()
    ids = asked.get("FileSystemIds") or ()
    found = [store.file_system(each) for each in ids] if ids else list(store.file_systems.values())
    some, token = page(found, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"FileSystems": [shown(each) for each in some], "NextToken": token}


def update(asked: Arguments) -> Mapping[str, Any]:
    """UpdateFileSystem: more capacity or throughput, another compression, log, metadata setting or time."""
    system = store.file_system(asked["FileSystemId"])
    _settled(system)
    lustre = {**system.lustre, **(asked.get("LustreConfiguration") or {})}
    before, capacity = int(system.asked["StorageCapacity"]), int(asked.get("StorageCapacity") or 0)
    if capacity:
        if capacity < before or lustre["DeploymentType"] == "SCRATCH_1":
            raise ApiError("BadRequest", f"Storage capacity can't be changed from {before} to {capacity} GiB.")
        rate = lustre.get("PerUnitStorageThroughput")
        check_capacity(lustre["DeploymentType"], system.asked["StorageType"], capacity, rate)
    changes = {
        key: value
        for key, value in asked.items()
        if key in ("StorageCapacity", "FileSystemTypeVersion") and value is not None
    }
    check_new({**system.asked, **changes}, lustre)
    system.asked |= {**changes, "LustreConfiguration": lustre}
    system.changed = clock()
    system.actions = [
        {"AdministrativeActionType": "FILE_SYSTEM_UPDATE", "RequestTime": system.changed, "ProgressPercent": 100}
    ]
    return {"FileSystem": shown(system)}


def _settled(system: FileSystem) -> None:
    if system.lifecycle != "AVAILABLE" or system.changing:
        state = "UPDATING" if system.changing else system.lifecycle
        message = f"Unable to perform the operation: file system {system.id} is in state {state}."
        raise ApiError("BadRequest", message)


def delete(asked: Arguments) -> Mapping[str, Any]:
    """DeleteFileSystem: its links to S3 go with it, what is in S3 stays."""
    system = store.file_system(asked["FileSystemId"])
    if system.lifecycle not in ("AVAILABLE", "FAILED", "DELETING"):
        message = f"Cannot delete file system {system.id} while it is in state {system.lifecycle}."
        raise ApiError("BadRequest", message)
    keeps = (asked.get("LustreConfiguration") or {}).get("SkipFinalBackup") is False
    if keeps and (store.links_of(system.id) or system.lustre["DeploymentType"].startswith("SCRATCH")):
        raise ApiError("BadRequest", "Backups are not supported on scratch and on S3-linked file systems.")
    if system.deleted is None:
        system.deleted = clock()
        for link in store.links_of(system.id):
            link.deleted = link.deleted or clock()
    return {"FileSystemId": system.id, "Lifecycle": "DELETING"}


def tag(asked: Arguments) -> Mapping[str, Any]:
    """TagResource."""
    thing = store.by_arn(asked["ResourceARN"])
    held = {each["Key"]: each["Value"] for each in thing.tags}
    thing.tag(held | {each["Key"]: each["Value"] for each in asked["Tags"]})
    return {}


def untag(asked: Arguments) -> Mapping[str, Any]:
    """UntagResource."""
    thing = store.by_arn(asked["ResourceARN"])
    thing.tag({each["Key"]: each["Value"] for each in thing.tags if each["Key"] not in asked["TagKeys"]})
    return {}


def list_tags(asked: Arguments) -> Mapping[str, Any]:
    """ListTagsForResource."""
    return {"Tags": store.by_arn(asked["ResourceARN"]).tags}


HANDLERS: Mapping[str, Handler] = {
    "CreateFileSystem": create,
    "DescribeFileSystems": describe,
    "UpdateFileSystem": update,
    "DeleteFileSystem": delete,
    "TagResource": tag,
    "UntagResource": untag,
    "ListTagsForResource": list_tags,
}
