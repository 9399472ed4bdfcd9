"""What the emulator's FSx remembers, by account and region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.jobs import clock, job_seconds

# Of a job's time: minutes of a file system, against hours.
_CREATING, _CHANGING, _DELETING = 0.3, 0.1, 0.1


@dataclass
class Lived:
    """Something that takes a while to be made, changed and deleted."""

    asked: Arguments
    created: float = field(default_factory=clock)
    changed: float | None = None
    deleted: float | None = None

    @property
    def lifecycle(self) -> str:
        """As FSx has it."""
        if self.deleted is not None:
            return "DELETING"
        return "AVAILABLE" if clock() >= self.created + _CREATING * job_seconds() else "CREATING"

    @property
    def changing(self) -> bool:
        """Whether the last change is still on its way."""
        return self.changed is not None and clock() < self.changed + _CHANGING * job_seconds()

    @property
    def gone(self) -> bool:
        """Whether its deletion is through."""
        return self.deleted is not None and clock() >= self.deleted + _DELETING * job_seconds()

    @property
    def tags(self) -> list[dict[str, str]]:
        """As they were given, or changed since."""
        return list(self.asked.get("Tags") or ())

    def tag(self, tags: Mapping[str, str]) -> None:
        """Give it these tags and no others."""
        self.asked["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]


@dataclass
class FileSystem(Lived):
    """A file system for Lustre; `network` are its interfaces in the subnet."""

    id: str = ""
    mount_name: str = ""
    network: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return arn(f"file-system/{self.id}")

    @property
    def lustre(self) -> dict[str, Any]:
        """Its Lustre settings."""
        settings: dict[str, Any] = self.asked["LustreConfiguration"]
        return settings

    @property
    def dns_name(self) -> str:
        """Under which nodes mount it."""
        return f"{self.id}.fsx.{get_region()}.amazonaws.com"


@dataclass
class Association(Lived):
    """A link of one folder to one prefix in S3."""

    id: str = ""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return arn(f"association/{self.asked['FileSystemId']}/{self.id}")


file_systems = AccountRegionScopedDict()
associations = AccountRegionScopedDict()


def file_system(file_system_id: str) -> FileSystem:
    """One that is there."""
    sweep()
    found: FileSystem | None = file_systems.get(file_system_id)
    if found is None:
        raise ApiError("FileSystemNotFound", f"File system '{file_system_id}' does not exist.")
    return found


def association(association_id: str) -> Association:
    """One that is there."""
    sweep()
    found: Association | None = associations.get(association_id)
    if found is None:
        message = f"Data repository association '{association_id}' does not exist."
        raise ApiError("DataRepositoryAssociationNotFound", message)
    return found


def links_of(file_system_id: str) -> list[Association]:
    """A file system's links."""
    return [each for each in associations.values() if each.asked["FileSystemId"] == file_system_id]


def sweep() -> None:
    """Forget what has been deleted; a file system's interfaces and links go with it."""
    for link in [each for each in associations.values() if each.gone]:
        del associations[link.id]
    for system in [each for each in file_systems.values() if each.gone]:
        for link in links_of(system.id):
            del associations[link.id]
        interfaces.remove(each["NetworkInterfaceId"] for each in system.network)
        del file_systems[system.id]


def by_arn(resource: str) -> Lived:
    """A file system or link by its ARN."""
    sweep()
    for each in (*file_systems.values(), *associations.values()):
        if each.arn == resource:
            found: Lived = each
            return found
    raise ApiError("ResourceNotFound", f"The resource '{resource}' does not exist.")


def arn(resource: str) -> str:
    """The ARN of something of FSx's."""
    return f"arn:aws:fsx:{get_region()}:{get_account_id()}:{resource}"
