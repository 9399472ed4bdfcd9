"""What FSx refuses about a file system for Lustre; sizes and throughputs are those of botocore's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments

_THROUGHPUT = {
    ("PERSISTENT_1", "SSD"): (50, 100, 200), ("PERSISTENT_1", "HDD"): (12, 40),
    ("PERSISTENT_2", "SSD"): (125, 250, 500, 1000),
}  # fmt: skip
_VERSIONS = ("2.10", "2.12", "2.15")
_LNET_PORT = 988
_HDD_STEP = {12: 6000, 40: 1800}


def check_new(asked: Arguments, lustre: Mapping[str, Any]) -> None:
    """Refuse what doesn't go together."""
    kind, storage = lustre["DeploymentType"], asked["StorageType"]
    rate = lustre.get("PerUnitStorageThroughput")
    allowed = _THROUGHPUT.get((kind, storage))
    if allowed is None and kind.startswith("PERSISTENT") and storage != "INTELLIGENT_TIERING":
        raise ApiError("BadRequest", f"StorageType {storage} is not supported with deployment type {kind}.")
    if allowed is not None and rate not in allowed:
        choices = ", ".join(map(str, allowed))
        message = f"Invalid PerUnitStorageThroughput: {rate}. Valid values for {kind} {storage} are {choices}."
        raise ApiError("InvalidPerUnitStorageThroughput", message)
    if allowed is None and rate is not None:
        raise ApiError("BadRequest", f"PerUnitStorageThroughput is not supported for deployment type {kind}.")
    check_capacity(kind, storage, int(asked.get("StorageCapacity") or 0), rate)
    _check_version(asked.get("FileSystemTypeVersion"), kind, lustre)
    if kind == "PERSISTENT_2" and (found := [key for key in ("ImportPath", "ExportPath") if lustre.get(key)]):
        message = f"{found[0]} is not supported with PERSISTENT_2: create a data repository association."
        raise ApiError("BadRequest", message)
    if kind.startswith("SCRATCH") and lustre.get("AutomaticBackupRetentionDays"):
        raise ApiError("BadRequest", "Backups are not supported for scratch file systems.")
    destination = str((lustre.get("LogConfiguration") or {}).get("Destination") or "")
    if ":log-group:" in destination and ":log-group:/aws/fsx/" not in destination:
        raise ApiError("BadRequest", "The name of the CloudWatch Logs log group must begin with the /aws/fsx prefix.")


def check_capacity(kind: str, storage: str, gib: int, rate: int | None) -> None:
    """Refuse a size that there isn't."""
    if storage == "INTELLIGENT_TIERING":
        return
    if storage == "HDD":
        fits = gib > 0 and gib % _HDD_STEP[rate or 12] == 0
    else:
        fits = gib in (1200, 2400) or (gib > 0 and gib % (3600 if kind == "SCRATCH_1" else 2400) == 0)
    if not fits:
        message = f"Invalid storage capacity: {gib}. Valid values are 1200, 2400 and multiples of 2400 GiB."
        raise ApiError("BadRequest", message)


def _check_version(version: str | None, kind: str, lustre: Mapping[str, Any]) -> None:
    if version is not None and version not in _VERSIONS:
        raise ApiError("BadRequest", f"Invalid FileSystemTypeVersion: {version}.")
    if kind == "PERSISTENT_2" and version == "2.10":
        raise ApiError("BadRequest", "PERSISTENT_2 file systems need Lustre version 2.12 or newer.")
    metadata = lustre.get("MetadataConfiguration")
    if metadata and (kind != "PERSISTENT_2" or version == "2.10"):
        raise ApiError("BadRequest", "MetadataConfiguration is supported for PERSISTENT_2 file systems only.")
    if metadata and (metadata["Mode"] == "USER_PROVISIONED") != bool(metadata.get("Iops")):
        raise ApiError("BadRequest", "Metadata Iops must be given with mode USER_PROVISIONED, and only then.")
    if lustre.get("EfaEnabled") and not metadata:
        raise ApiError("BadRequest", "EfaEnabled needs a PERSISTENT_2 file system with a MetadataConfiguration.")


def check_network(asked: Arguments) -> None:
    """Refuse a network in which nodes couldn't reach it."""
    if len(asked["SubnetIds"]) != 1:
        message = "Exactly 1 subnet IDs are required for this file system type."
        raise ApiError("InvalidNetworkSettings", message)
    try:
        place = interfaces.subnet(asked["SubnetIds"][0])
        groups = interfaces.security_groups(asked.get("SecurityGroupIds") or (), place["VpcId"])
    except ApiError as error:
        raise ApiError("InvalidNetworkSettings", error.message) from None
    if not any(_open(rule) for group in groups for rule in ec2._security_groups[group["GroupId"]]["IpPermissions"]):
        message = (
            "The file system cannot be created because the provided security groups do not permit Lustre LNET network "
            f"traffic on port {_LNET_PORT}"
        )
        raise ApiError("InvalidNetworkSettings", message)


def _open(rule: Mapping[str, Any]) -> bool:
    if rule.get("IpProtocol") == "-1":
        return True
    return rule.get("IpProtocol") == "tcp" and int(rule["FromPort"]) <= _LNET_PORT <= int(rule["ToPort"])
