"""FSx's data repository associations: folders of a file system that show prefixes of S3."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.lustre import store
from llmstrat_iac.sandbox.emulator.lustre.store import Association
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page
from llmstrat_iac.sandbox.jobs import clock

_MOST = 8


def create(asked: Arguments) -> Mapping[str, Any]:
    """CreateDataRepositoryAssociation."""
    system = store.file_system(asked["FileSystemId"])
    if system.lifecycle != "AVAILABLE":
        message = f"File system {system.id} is in state {system.lifecycle}: it can't be linked yet."
        raise ApiError("BadRequest", message)
    if system.lustre["DeploymentType"] == "SCRATCH_1" or system.asked["FileSystemTypeVersion"] == "2.10":
        message = "Data repository associations are supported on Lustre 2.12 and 2.15, excluding scratch_1."
        raise ApiError("BadRequest", message)
    if system.lustre.get("AutomaticBackupRetentionDays"):
        raise ApiError("BadRequest", "Backups cannot be enabled on S3-linked file systems.")
    _check_place(asked, store.links_of(system.id))
    made = Association({"BatchImportMetaDataOnCreate": False, **asked}, id=f"dra-0{secrets.token_hex(8)}")
    store.associations[made.id] = made
    return {"Association": shown(made)}


def _check_place(asked: Arguments, links: list[Association]) -> None:
    from ministack.services import s3

    if len(links) >= _MOST:
        raise ApiError("ServiceLimitExceeded", f"A file system has at most {_MOST} data repository associations.")
    folder, uri = asked.get("FileSystemPath") or "/", str(asked.get("DataRepositoryPath") or "")
    if not folder.startswith("/"):
        raise ApiError("BadRequest", f"FileSystemPath must begin with a slash: {folder}")
    for each in links:
        other = each.asked.get("FileSystemPath") or "/"
        if _overlap(folder, other) or _overlap(uri, each.asked["DataRepositoryPath"]):
            raise ApiError("BadRequest", f"{folder} or {uri} overlaps with that of {each.id}.")
    bucket = uri.removeprefix("s3://").partition("/")[0]
    if not uri.startswith("s3://") or bucket not in s3._buckets:
        raise ApiError("BadRequest", f"The S3 bucket of the data repository path {uri} can't be accessed.")


def _overlap(one: str, other: str) -> bool:
    """Whether a path is the other, or in it."""
    a, b = (f"{each.rstrip('/')}/" for each in (one, other))
    return a.startswith(b) or b.startswith(a)


def shown(link: Association) -> dict[str, Any]:
    """A link as FSx tells of it."""
    asked = {key: value for key, value in link.asked.items() if key not in ("ClientRequestToken",)}
    return {
        "ImportedFileChunkSize": 1024,
        "FileSystemPath": "/",
        **asked,
        "AssociationId": link.id,
        "ResourceARN": link.arn,
        "Lifecycle": "UPDATING" if link.changing and link.lifecycle == "AVAILABLE" else link.lifecycle,
        "CreationTime": link.created,
        "Tags": link.tags,
    }


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeDataRepositoryAssociations."""
    store.sweep()
    ids = asked.get("AssociationIds") or ()
    found = [store.association(each) for each in ids] if ids else list(store.associations.values())
    for each in asked.get("Filters") or ():
        if each.get("Name") == "file-system-id":
            found = [link for link in found if link.asked["FileSystemId"] in (each.get("Values") or ())]
    some, token = page(found, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"Associations": [shown(each) for each in some], "NextToken": token}


def update(asked: Arguments) -> Mapping[str, Any]:
    """UpdateDataRepositoryAssociation."""
    link = store.association(asked["AssociationId"])
    if link.lifecycle != "AVAILABLE":
        raise ApiError("BadRequest", f"Association {link.id} is in state {link.lifecycle}.")
    link.asked |= {key: asked[key] for key in ("ImportedFileChunkSize", "S3") if asked.get(key) is not None}
    link.changed = clock()
    return {"Association": shown(link)}


def delete(asked: Arguments) -> Mapping[str, Any]:
    """DeleteDataRepositoryAssociation."""
    link = store.association(asked["AssociationId"])
    if link.lifecycle == "CREATING":
        raise ApiError("BadRequest", f"Association {link.id} is in state CREATING.")
    link.deleted = link.deleted or clock()
    erased = bool(asked.get("DeleteDataInFileSystem"))
    return {"AssociationId": link.id, "Lifecycle": "DELETING", "DeleteDataInFileSystem": erased}


HANDLERS: Mapping[str, Handler] = {
    "CreateDataRepositoryAssociation": create,
    "DescribeDataRepositoryAssociations": describe,
    "UpdateDataRepositoryAssociation": update,
    "DeleteDataRepositoryAssociation": delete,
}
