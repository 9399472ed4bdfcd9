"""FSx for Lustre: its kind, its links, and that it ends with the stack."""

from __future__ import annotations

import json

import pulumi
import pytest
from components_kit import EXPIRES, Deployed, deploy, statements
from ec2_cluster_kit import FILE_SYSTEM, LINK, LOG, SCHEDULE

from llmstrat_iac.components.expiry import ExpiryNames, create_expiry
from llmstrat_iac.components.file_system import FileSystem, FileSystemArgs, Link
from llmstrat_iac.components.policies import Account


@pytest.fixture(scope="module")
def deployed() -> Deployed:
    def program() -> None:
        opts = pulumi.ResourceOptions()
        links = [Link("/corpus", "s3://corpus/text/"), Link("/made/here", "s3://ours/made/", exports=True)]
        made = FileSystem("fs", FileSystemArgs("demo-dev-cluster", "subnet-1", "sg-1", 4800, 500, links))
        account = Account.current("us-east-1", pulumi.InvokeOutputOptions())
        names = ExpiryNames("demo-dev-cluster", "demo-dev-cluster-expiry", "/llmstrat/demo-dev/")
        create_expiry("fs", names, account, at=EXPIRES, calls=[made.stop_call("demo-dev-cluster-files")], opts=opts)

    return deploy(program)


def test_it_is_of_the_kind_that_lasts_as_long_as_a_training(deployed: Deployed) -> None:
    made = deployed.one(FILE_SYSTEM).inputs
    assert (made["deploymentType"], made["storageType"], made["dataCompressionType"]) == ("PERSISTENT_2", "SSD", "LZ4")
    assert (made["storageCapacity"], made["perUnitStorageThroughput"]) == (4800, 500)
    assert (made["subnetIds"], made["securityGroupIds"]) == ("subnet-1", ["sg-1"])
    assert made["efaEnabled"] is False
    assert made["skipFinalBackup"] is True
    assert made["automaticBackupRetentionDays"] == 0


def test_another_size_never_replaces_one_with_checkpoints_in_it(deployed: Deployed) -> None:
    assert "storageCapacity" in deployed.one(FILE_SYSTEM).ignored_changes


def test_a_link_shows_what_is_in_s3_and_follows_it(deployed: Deployed) -> None:
    link = deployed.one(LINK, "fs-corpus").inputs
    assert (link["fileSystemPath"], link["dataRepositoryPath"]) == ("/corpus", "s3://corpus/text/")
    assert link["batchImportMetaDataOnCreate"] is True
    assert set(link["s3"]) == {"autoImportPolicy"}, "the corpus is never written to"
    assert link["deleteDataInFilesystem"] is False


def test_only_a_link_that_is_to_export_does(deployed: Deployed) -> None:
    link = deployed.one(LINK, "fs-made-here").inputs
    assert link["s3"]["autoExportPolicy"]["events"] == ["NEW", "CHANGED", "DELETED"]


def test_links_go_before_the_file_system(deployed: Deployed) -> None:
    for each in deployed.of(LINK):
        assert f"{FILE_SYSTEM}::fs" in each.dependencies


def test_its_log_is_where_fsx_may_write(deployed: Deployed) -> None:
    assert deployed.one(LOG).inputs["name"] == "/aws/fsx/demo-dev-cluster"
    assert deployed.one(FILE_SYSTEM).inputs["logConfiguration"]["level"] == "WARN_ERROR"


def test_it_is_deleted_without_a_backup_after_the_nodes_have_let_go(deployed: Deployed) -> None:
    schedule = deployed.one(SCHEDULE).inputs
    assert schedule["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:fsx:deleteFileSystem"
    assert json.loads(schedule["target"]["input"]) == {
        "FileSystemId": "fs-id",
        "LustreConfiguration": {"SkipFinalBackup": True},
    }
    assert schedule["scheduleExpression"] == "at(2099-12-01T18:30:00)"
    [statement] = statements(deployed.one("aws:iam/rolePolicy:RolePolicy"))
    assert statement["Action"] == ["fsx:DeleteFileSystem"]
    assert all(each.startswith("arn:") for each in statement["Resource"])
