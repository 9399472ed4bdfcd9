"""A file system as a channel of a training job: what SageMaker refuses about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from llmstrat_iac.sandbox.emulator.lustre import store
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments


def check_channel(asked: Arguments, source: Mapping[str, Any]) -> None:
    """The file system must be there, available, in the job's network, and the folder in it.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_FileSystemDataSource.html
    """
    network = asked.get("VpcConfig")
    if not network:
        _refuse("VpcConfig must be specified when a FileSystemDataSource is used.")
    if source["FileSystemType"] != "FSxLustre":
        return
    try:
        system = store.file_system(source["FileSystemId"])
    except ApiError as error:
        _refuse(error.message)
    if system.lifecycle != "AVAILABLE":
        _refuse(f"File system {system.id} is in state {system.lifecycle}.")
    folder = str(source["DirectoryPath"])
    if folder != f"/{system.mount_name}" and not folder.startswith(f"/{system.mount_name}/"):
        _refuse(f"DirectoryPath {folder} must begin with the file system's mount name: /{system.mount_name}")
    from ministack.services import ec2

    subnets = [ec2._subnets.get(each) or {} for each in (network or {}).get("Subnets") or ()]
    if system.network[0]["VpcId"] not in {each.get("VpcId") for each in subnets}:
        _refuse(f"File system {system.id} isn't in the VPC of the job's subnets.")


def _refuse(message: str) -> NoReturn:
    raise ApiError("ValidationException", message)
