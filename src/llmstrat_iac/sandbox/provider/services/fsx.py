"""FSx for Lustre: file systems, and their links to S3."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.sandbox.provider.registry import Call, Resource, resource
from llmstrat_iac.sandbox.provider.services.shapes import (
    answer,
    camel,
    changed,
    pascal,
    request,
    tag_delta,
    tag_list,
    tag_map,
)
from llmstrat_iac.sandbox.provider.services.waiting import wait
from llmstrat_iac.sandbox.provider.values import Props

_TOP = {
    "StorageCapacity": "storageCapacity", "StorageType": "storageType", "KmsKeyId": "kmsKeyId",
    "FileSystemTypeVersion": "fileSystemTypeVersion",
}  # fmt: skip
_LUSTRE = {
    "DeploymentType": "deploymentType", "PerUnitStorageThroughput": "perUnitStorageThroughput",
    "ThroughputCapacity": "throughputCapacity", "AutomaticBackupRetentionDays": "automaticBackupRetentionDays",
    "DailyAutomaticBackupStartTime": "dailyAutomaticBackupStartTime",
    "WeeklyMaintenanceStartTime": "weeklyMaintenanceStartTime", "CopyTagsToBackups": "copyTagsToBackups",
    "DriveCacheType": "driveCacheType", "DataCompressionType": "dataCompressionType", "EfaEnabled": "efaEnabled",
    "ImportPath": "importPath", "ExportPath": "exportPath", "ImportedFileChunkSize": "importedFileChunkSize",
    "AutoImportPolicy": "autoImportPolicy",
}  # fmt: skip
_BLOCKS = {
    "LogConfiguration": "logConfiguration", "MetadataConfiguration": "metadataConfiguration",
    "RootSquashConfiguration": "rootSquashConfiguration", "DataReadCacheConfiguration": "dataReadCacheConfiguration",
}  # fmt: skip
_CHANGEABLE = frozenset({
    "perUnitStorageThroughput", "throughputCapacity", "automaticBackupRetentionDays", "dailyAutomaticBackupStartTime",
    "weeklyMaintenanceStartTime", "dataCompressionType", "autoImportPolicy",
})  # fmt: skip


@resource("aws:fsx/lustreFileSystem:LustreFileSystem")
class LustreFileSystem(Resource):
    def create(self, call: Call, args: Props) -> str:
        client = call.client("fsx")
        made = client.create_file_system(
            FileSystemType="LUSTRE",
            SubnetIds=[args["subnetIds"]],
            **request(args, {**_TOP, "SecurityGroupIds": "securityGroupIds"}),
            LustreConfiguration={**request(args, _LUSTRE), **_blocks(args)},
            Tags=tag_list(args.get("tagsAll")),
        )
        call.created_id = str(made["FileSystem"]["FileSystemId"])
        wait(lambda: str(_system(client, call.created_id)["Lifecycle"]), "CREATING", "AVAILABLE")
        return call.created_id

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = _system(call.client("fsx"), rid)
        lustre = found["LustreConfiguration"]
        return {
            **answer(found, _TOP),
            **answer(lustre, {api: prop for api, prop in _LUSTRE.items() if api not in _IMPORTS}),
            **answer(lustre.get("DataRepositoryConfiguration") or {}, _IMPORTS),
            **{prop: _block(lustre.get(api)) for api, prop in _BLOCKS.items()},
            "arn": found["ResourceARN"],
            "dnsName": found["DNSName"],
            "mountName": lustre["MountName"],
            "networkInterfaceIds": found["NetworkInterfaceIds"],
            "ownerId": found["OwnerId"],
            "subnetIds": found["SubnetIds"][0],
            "vpcId": found["VpcId"],
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("fsx")
        lustre = {
            api: new[prop]
            for api, prop in _LUSTRE.items()
            if prop in _CHANGEABLE and new.get(prop) is not None and changed(old, new, prop)
        }
        lustre |= {api: block for api, block in _blocks(new).items() if changed(old, new, _BLOCKS[api])}
        top = {
            api: new[prop]
            for api, prop in _TOP.items()
            if prop in ("storageCapacity", "fileSystemTypeVersion") and new.get(prop) and changed(old, new, prop)
        }
        if lustre or top:
            client.update_file_system(FileSystemId=rid, **top, **({"LustreConfiguration": lustre} if lustre else {}))
            wait(lambda: _action(client, rid), "IN_PROGRESS", "COMPLETED")
        retag(client, old["arn"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("fsx")
        skip = state.get("skipFinalBackup", True)
        final = {"FinalBackupTags": tag_list(state["finalBackupTags"])} if state.get("finalBackupTags") else {}
        client.delete_file_system(FileSystemId=rid, LustreConfiguration={"SkipFinalBackup": skip, **final})
        wait(lambda: str(_system(client, rid)["Lifecycle"]), "DELETING", "")

    def replaced_by(self, state: Props, news: Props) -> frozenset[str]:
        """No file system shrinks, and none goes back to an older Lustre."""
        smaller = _number(news.get("storageCapacity")) < _number(state.get("storageCapacity"))
        first = state.get("deploymentType") == "SCRATCH_1" and changed(state, news, "storageCapacity")
        found = {"storageCapacity"} if "storageCapacity" in news and (smaller or first) else set()
        version, before = news.get("fileSystemTypeVersion"), state.get("fileSystemTypeVersion")
        if isinstance(version, str) and before and _version(version) < _version(before):
            found.add("fileSystemTypeVersion")
        metadata, held = news.get("metadataConfiguration") or {}, state.get("metadataConfiguration") or {}
        if metadata.get("mode") == "USER_PROVISIONED" and _number(metadata.get("iops")) < _number(held.get("iops")):
            found.add("metadataConfiguration")
        return frozenset(found)


_IMPORTS = {
    api: _LUSTRE[api] for api in ("ImportPath", "ExportPath", "ImportedFileChunkSize", "AutoImportPolicy")
}  # fmt: skip
_SIZE = {"size": "SizeGiB"}


def _blocks(args: Props) -> Props:
    return {
        api: {_SIZE.get(key, key[0].upper() + key[1:]): value for key, value in args[prop].items() if value is not None}
        for api, prop in _BLOCKS.items()
        if args.get(prop)
    }


def _block(found: Props | None) -> Props | None:
    if not found:
        return None
    return {"size" if key == "sizeGiB" else key: value for key, value in camel(found).items()}


def _system(client: Any, rid: str | None) -> Props:
    return dict(client.describe_file_systems(FileSystemIds=[rid])["FileSystems"][0])


def _action(client: Any, rid: str) -> str:
    actions = _system(client, rid).get("AdministrativeActions") or ()
    return next((str(each["Status"]) for each in actions), "COMPLETED")


def _number(value: Any) -> int:
    return int(value) if isinstance(value, (int, float, str)) and value else 0


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


@resource("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation")
class DataRepositoryAssociation(Resource):
    NAMES = {  # noqa: RUF012 - constants of a declaration
        "FileSystemId": "fileSystemId", "FileSystemPath": "fileSystemPath",
        "DataRepositoryPath": "dataRepositoryPath", "ImportedFileChunkSize": "importedFileChunkSize",
        "BatchImportMetaDataOnCreate": "batchImportMetaDataOnCreate",
    }  # fmt: skip

    def create(self, call: Call, args: Props) -> str:
        client = call.client("fsx")
        s3 = {"S3": pascal(args["s3"])} if args.get("s3") else {}
        made = client.create_data_repository_association(
            **request(args, self.NAMES), **s3, Tags=tag_list(args.get("tagsAll"))
        )
        call.created_id = str(made["Association"]["AssociationId"])
        wait(lambda: str(_link(client, call.created_id)["Lifecycle"]), "CREATING", "AVAILABLE")
        return call.created_id

    def read(self, call: Call, rid: str, state: Props) -> Props | None:
        found = _link(call.client("fsx"), rid)
        return {
            **answer(found, self.NAMES),
            "arn": found["ResourceARN"],
            "associationId": rid,
            "s3": camel(found.get("S3")),
            "tagsAll": tag_map(found.get("Tags")),
        }

    def update(self, call: Call, rid: str, old: Props, new: Props) -> None:
        client = call.client("fsx")
        changes: Props = {}
        if new.get("s3") and changed(old, new, "s3"):
            changes["S3"] = pascal(new["s3"])
        if new.get("importedFileChunkSize") and changed(old, new, "importedFileChunkSize"):
            changes["ImportedFileChunkSize"] = new["importedFileChunkSize"]
        if changes:
            client.update_data_repository_association(AssociationId=rid, **changes)
            wait(lambda: str(_link(client, rid)["Lifecycle"]), "UPDATING", "AVAILABLE")
        retag(client, old["arn"], old, new)

    def delete(self, call: Call, rid: str, state: Props) -> None:
        client = call.client("fsx")
        erase = bool(state.get("deleteDataInFilesystem"))
        client.delete_data_repository_association(AssociationId=rid, DeleteDataInFileSystem=erase)
        wait(lambda: str(_link(client, rid)["Lifecycle"]), "DELETING", "")


def _link(client: Any, rid: str | None) -> Props:
    return dict(client.describe_data_repository_associations(AssociationIds=[rid])["Associations"][0])


def retag(client: Any, arn: str, old: Props, new: Props) -> None:
    """Bring tags from an old state to new inputs."""
    added, removed = tag_delta(old, new)
    if added:
        client.tag_resource(ResourceARN=arn, Tags=tag_list(added))
    if removed:
        client.untag_resource(ResourceARN=arn, TagKeys=removed)
