"""Removes file systems of a stack that Pulumi's state has lost: they bill by the hour, used or not.

Their network interfaces hold the network for minutes after the deletion has begun, so the sweep waits for its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from llmstrat_iac.components.file_system import log_name
from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages, unless_absent
from llmstrat_iac.components.tuning.patience import pauses
from llmstrat_iac.hookspecs import AwsSession

_TYPE = "file system"
_PATIENCE_SECONDS = 1200.0


def file_system_finders(
    stack_name: str, session: AwsSession, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Finder]:
    """Of file systems, then of their logs."""
    yield Finder(_TYPE, partial(_file_systems, stack_name, session, sleep))
    yield Finder("file system's log", partial(_logs, stack_name, session))


def _file_systems(stack_name: str, session: AwsSession, sleep: Callable[[float], None]) -> Iterator[Found]:
    client = session.client("fsx")
    for system in pages(client, "describe_file_systems", "FileSystems"):
        if belongs(system.get("Tags"), stack_name) and system["Lifecycle"] != "DELETING":
            identity = system["FileSystemId"]
            detail = f"{system['StorageCapacity']:,} GiB"
            yield Found(_TYPE, identity, detail, billed=True, remove=partial(_remove, client, identity, sleep))


def _remove(client: Any, identity: str, sleep: Callable[[float], None]) -> None:
    """Without a backup; links to S3 go with it, and what is in S3 stays."""
    client.delete_file_system(FileSystemId=identity, LustreConfiguration={"SkipFinalBackup": True})
    for pause in pauses(_PATIENCE_SECONDS):
        if unless_absent(lambda: client.describe_file_systems(FileSystemIds=[identity])) is None:
            return
        sleep(pause)


def _logs(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("logs")
    for group in pages(client, "describe_log_groups", "logGroups", logGroupNamePrefix=log_name(f"{stack_name}-")):
        name, arn = group["logGroupName"], group["arn"].removesuffix(":*")
        if belongs(client.list_tags_for_resource(resourceArn=arn)["tags"], stack_name):
            remove = partial(client.delete_log_group, logGroupName=name)
            yield Found("file system's log", name, "", billed=False, remove=remove)
