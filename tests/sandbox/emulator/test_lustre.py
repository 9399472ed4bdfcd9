"""FSx for Lustre in the emulator: what it refuses, how it lives in a subnet, and its links to S3."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from botocore.exceptions import ClientError
from compute_kit import Place, make_place
from sandbox_kit import Clients, clients, eventually

LOG = "arn:aws:logs:us-east-1:000000000000:log-group:/llmstrat/x"
LUSTRE = {
    "DeploymentType": "PERSISTENT_2", "PerUnitStorageThroughput": 250, "MetadataConfiguration": {"Mode": "AUTOMATIC"},
}  # fmt: skip


@pytest.fixture(scope="module")
def place(emulator_url: str, aws: Clients) -> Place:
    made = make_place(emulator_url, aws)
    rule = {
        "IpProtocol": "tcp", "FromPort": 988, "ToPort": 988, "UserIdGroupPairs": [{"GroupId": made.group}],
    }  # fmt: skip
    made.ec2.authorize_security_group_ingress(GroupId=made.group, IpPermissions=[rule])
    return made


def asked(place: Place, **more: Any) -> dict[str, Any]:
    """The arguments of a file system; `lustre` changes its Lustre settings."""
    lustre = {**LUSTRE, **more.pop("lustre", {})}
    return {
        "FileSystemType": "LUSTRE", "StorageCapacity": 1200, "StorageType": "SSD", "FileSystemTypeVersion": "2.15",
        "SubnetIds": place.subnets[:1], "SecurityGroupIds": [place.group],
        "LustreConfiguration": {key: value for key, value in lustre.items() if value is not None}, **more,
    }  # fmt: skip


def create(place: Place, **more: Any) -> str:
    """A file system that is available."""
    fsx = place.clients("fsx")
    made = fsx.create_file_system(**asked(place, **more))["FileSystem"]
    assert made["Lifecycle"] == "CREATING"

    def available() -> bool:
        found = fsx.describe_file_systems(FileSystemIds=[made["FileSystemId"]])["FileSystems"][0]
        return bool(found["Lifecycle"] == "AVAILABLE")

    assert eventually(available)
    return str(made["FileSystemId"])


def bucket(place: Place) -> str:
    name = f"corpus-{secrets.token_hex(4)}"
    place.clients("s3").create_bucket(Bucket=name)
    return name


def test_upstream_still_has_no_fsx(plain_emulator_url: str) -> None:
    with pytest.raises(ClientError):
        clients(plain_emulator_url)("fsx").describe_file_systems()


def test_it_holds_its_subnet_until_it_is_gone(emulator_url: str, aws: Clients) -> None:
    place = make_place(emulator_url, aws)
    place.ec2.authorize_security_group_ingress(
        GroupId=place.group,
        IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": place.group}]}],
    )
    system = create(place)
    [told] = aws("fsx").describe_file_systems(FileSystemIds=[system])["FileSystems"]
    assert told["DNSName"].startswith(f"{system}.fsx.us-east-1.")
    assert (len(told["LustreConfiguration"]["MountName"]), told["VpcId"]) == (8, place.vpc)
    with pytest.raises(ClientError, match="DependencyViolation"):
        place.ec2.delete_subnet(SubnetId=place.subnets[0])
    assert aws("fsx").delete_file_system(FileSystemId=system)["Lifecycle"] == "DELETING"
    assert eventually(lambda: not aws("fsx").describe_file_systems()["FileSystems"] or _absent(aws, system))
    place.ec2.delete_subnet(SubnetId=place.subnets[0])


def _absent(aws: Clients, system: str) -> bool:
    found = aws("fsx").describe_file_systems()["FileSystems"]
    return system not in {each["FileSystemId"] for each in found}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"StorageCapacity": 1300}, "Invalid storage capacity"),
        ({"lustre": {"PerUnitStorageThroughput": 200}}, "InvalidPerUnitStorageThroughput"),
        ({"lustre": {"PerUnitStorageThroughput": None}}, "InvalidPerUnitStorageThroughput"),
        ({"FileSystemTypeVersion": "2.10"}, "2.12 or newer"),
        ({"lustre": {"ImportPath": "s3://corpus"}}, "create a data repository association"),
        ({"lustre": {"MetadataConfiguration": None, "EfaEnabled": True}}, "EfaEnabled needs"),
        ({"lustre": {"DeploymentType": "SCRATCH_2"}}, "PerUnitStorageThroughput is not supported"),
        ({"SubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidNetworkSettings"),
        ({"FileSystemType": "OPENZFS"}, "for Lustre only"),
        ({"lustre": {"LogConfiguration": {"Level": "WARN_ERROR", "Destination": LOG}}}, "/aws/fsx prefix"),
        ({"lustre": {"DataCompressionType": "ZSTD"}}, "LZ4"),
    ],
)
def test_what_fsx_refuses_is_refused(place: Place, change: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ClientError, match=refusal):
        place.clients("fsx").create_file_system(**asked(place, **change))


def test_nodes_must_be_able_to_reach_it(emulator_url: str, aws: Clients) -> None:
    closed = make_place(emulator_url, aws)
    with pytest.raises(ClientError, match="traffic on port 988"):
        aws("fsx").create_file_system(**asked(closed))


def test_links_show_prefixes_and_go_with_the_file_system(place: Place) -> None:
    fsx, name = place.clients("fsx"), bucket(place)
    system = create(place)
    link = {"FileSystemId": system, "FileSystemPath": "/corpus", "DataRepositoryPath": f"s3://{name}/corpus/"}
    made = fsx.create_data_repository_association(**link)["Association"]
    assert made["Lifecycle"] == "CREATING"
    with pytest.raises(ClientError, match="overlaps"):
        fsx.create_data_repository_association(**{**link, "DataRepositoryPath": f"s3://{name}/other/"})
    with pytest.raises(ClientError, match="can't be accessed"):
        fsx.create_data_repository_association(
            **{**link, "FileSystemPath": "/b", "DataRepositoryPath": "s3://absent-bucket/"}
        )
    with pytest.raises(ClientError, match="S3-linked"):
        fsx.delete_file_system(FileSystemId=system, LustreConfiguration={"SkipFinalBackup": False})
    fsx.delete_file_system(FileSystemId=system, LustreConfiguration={"SkipFinalBackup": True})

    def links() -> list[Any]:
        filters = [{"Name": "file-system-id", "Values": [system]}]
        return list(fsx.describe_data_repository_associations(Filters=filters)["Associations"])

    assert eventually(lambda: not links())


def test_it_grows_over_time_and_never_shrinks(place: Place) -> None:
    fsx, system = place.clients("fsx"), create(place)
    fsx.update_file_system(FileSystemId=system, StorageCapacity=4800)

    def action() -> str:
        found = fsx.describe_file_systems(FileSystemIds=[system])["FileSystems"][0]
        return str(found["AdministrativeActions"][0]["Status"])

    assert eventually(lambda: action() == "COMPLETED")
    with pytest.raises(ClientError, match="can't be changed from 4800 to 2400"):
        fsx.update_file_system(FileSystemId=system, StorageCapacity=2400)
    with pytest.raises(ClientError, match="FileSystemNotFound"):
        fsx.describe_file_systems(FileSystemIds=["fs-0123456789abcdef0"])


def test_tags_can_be_changed(place: Place) -> None:
    fsx, system = (
        place.clients("fsx"),
        create(place, Tags=[{"Key": "team", "Value": "a"}, {"Key": "old", "Value": "1"}]),
    )
    arn = fsx.describe_file_systems(FileSystemIds=[system])["FileSystems"][0]["ResourceARN"]
    fsx.tag_resource(ResourceARN=arn, Tags=[{"Key": "team", "Value": "b"}])
    fsx.untag_resource(ResourceARN=arn, TagKeys=["old"])
    assert fsx.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "b"}]
