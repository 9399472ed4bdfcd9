"""File systems and placement groups that Pulumi has lost are found by their tag, and removed."""

from __future__ import annotations

from typing import Any

from aws_fakes import FakeAccount, error

from llmstrat_iac.components import leftovers
from llmstrat_iac.components.ec2.cluster_leftovers import placement_groups_finder
from llmstrat_iac.components.file_system_leftovers import file_system_finders
from llmstrat_iac.hookspecs import Leftover

STACK = "tiny-dev"
OURS = [{"Key": "llmstrat:stack", "Value": STACK}]


class Fsx:
    """Lists one file system of ours and two that aren't to be touched; is gone at the third look."""

    def __init__(self) -> None:
        self.looks = 0

    def describe(self, FileSystemIds: list[str] | None = None) -> dict[str, Any]:
        if FileSystemIds is not None:
            self.looks += 1
            if self.looks == 3:
                raise error("FileSystemNotFound")
        return {
            "FileSystems": [
                {"FileSystemId": "fs-1", "Lifecycle": "AVAILABLE", "StorageCapacity": 2400, "Tags": OURS},
                {"FileSystemId": "fs-2", "Lifecycle": "DELETING", "StorageCapacity": 2400, "Tags": OURS},
                {"FileSystemId": "fs-3", "Lifecycle": "AVAILABLE", "StorageCapacity": 2400, "Tags": []},
            ]
        }


def account(fsx: Fsx) -> FakeAccount:
    log = {"logGroupName": "/aws/fsx/tiny-dev-cluster", "arn": "arn:aws:logs:us-east-1:1:log-group:/aws/fsx/x:*"}
    placement = {"GroupName": "tiny-dev-cluster", "State": "available", "Strategy": "cluster"}
    return FakeAccount(
        {
            "fsx": {"describe_file_systems": fsx.describe},
            "logs": {
                "describe_log_groups": {"logGroups": [log]},
                "list_tags_for_resource": {"tags": {"llmstrat:stack": STACK}},
            },
            "ec2": {"describe_placement_groups": {"PlacementGroups": [placement]}},
        }
    )


def swept(known: FakeAccount, *, remove: bool) -> list[Leftover]:
    pauses: list[float] = []
    finders = [*file_system_finders(STACK, known, pauses.append), placement_groups_finder(STACK, known)]
    return list(leftovers.sweep(finders, remove=remove))


def test_only_the_stacks_own_are_found_and_what_bills_is_said() -> None:
    found = swept(account(Fsx()), remove=False)
    assert [(each.id, each.billed) for each in found] == [
        ("fs-1", True),
        ("/aws/fsx/tiny-dev-cluster", False),
        ("tiny-dev-cluster", False),
    ]


def test_a_file_system_is_deleted_without_a_backup_and_waited_for() -> None:
    fsx = Fsx()
    known = account(fsx)
    assert all(each.removed for each in swept(known, remove=True))
    [deleted] = [arguments for _, operation, arguments in known.calls if operation == "delete_file_system"]
    assert deleted == {"FileSystemId": "fs-1", "LustreConfiguration": {"SkipFinalBackup": True}}
    assert fsx.looks == 3, "its network can't be deleted before it is gone"
    called = [operation for _, operation, _ in known.calls]
    assert {"delete_log_group", "delete_placement_group"} <= set(called)
