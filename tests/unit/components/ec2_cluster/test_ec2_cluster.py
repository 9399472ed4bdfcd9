"""A cluster on EC2: its nodes, whose capacity they use, what they may do, and what ends them."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from components_kit import ACCOUNT, EXPIRES, Deployed, statements
from ec2_cluster_kit import (
    EGRESS,
    FILE_SYSTEM,
    GROUP,
    LINK,
    LOG,
    PLACEMENT,
    RESERVED,
    SCHEDULE,
    TEMPLATE,
    clustered,
    pretraining_of,
    resolve,
)

from llmstrat_iac.catalog.efa import efa_layout, network_interfaces
from llmstrat_iac.components.ec2.cluster import end_of
from llmstrat_iac.components.ec2.cluster_shape import cluster_shape
from llmstrat_iac.plan import PlannedResource
from llmstrat_iac.runtimes.ec2.cluster import plan_cluster
from llmstrat_iac.tuning import JobState, TuningJob, TuningState

_STRATEGYS_OWN = ("aws:s3/bucket:", "aws:s3/bucketPublic", "aws:s3/bucketServerSide")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return clustered(tmp_path_factory.mktemp("cluster"))


def template(deployed: Deployed) -> dict[str, Any]:
    return dict(deployed.one(TEMPLATE).inputs)


def script(deployed: Deployed) -> str:
    return base64.b64decode(template(deployed)["userData"]).decode()


def registered(deployed: Deployed) -> Counter[str]:
    return Counter(each.type for each in deployed.registrations if not each.type.startswith(_STRATEGYS_OWN))


def planned(resources: tuple[PlannedResource, ...]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for each in resources:
        counted[each.type] += each.count
    return counted


@pytest.mark.parametrize(
    "name", ["p4d.24xlarge", "p5.48xlarge", "p5en.48xlarge", "p6-b200.48xlarge", "p6-b300.48xlarge", "g6.48xlarge"]
)
def test_a_launch_asks_for_the_familys_network_cards(name: str, tmp_path: Path) -> None:
    asked = template(clustered(tmp_path, instance=name))["networkInterfaces"]
    instance = pretraining_of(resolve(tmp_path, instance=name)).plan.instance
    assert [(each["networkCardIndex"], each["deviceIndex"], each["interfaceType"]) for each in asked] == [
        (each.card, each.device, each.kind) for each in network_interfaces(efa_layout(instance), efa=True)
    ]
    assert all(each["securityGroups"] == ["cluster-id"] for each in asked)
    assert all(each["deleteOnTermination"] == "true" for each in asked)
    assert not any("associatePublicIpAddress" in each for each in asked), "several cards can't have one"


def test_one_node_alone_has_one_interface_and_no_placement_group(tmp_path: Path) -> None:
    alone = clustered(tmp_path, nodes=1)
    assert len(template(alone)["networkInterfaces"]) == 1
    assert not alone.of(PLACEMENT)
    assert "LLMSTRAT_EFA=0" in script(alone)


def test_the_group_is_exactly_the_cluster_and_brings_lost_nodes_back(tmp_path: Path) -> None:
    group = clustered(tmp_path, spare_nodes=1).one(GROUP).inputs
    assert (group["minSize"], group["maxSize"], group["desiredCapacity"]) == (3, 3, 3)
    assert group["vpcZoneIdentifiers"] == ["cluster-1-id"]
    assert group["healthCheckType"] == "EC2"
    assert group["waitForCapacityTimeout"] == "0"
    assert group["instanceRefresh"]["preferences"]["minHealthyPercentage"] == 0


@pytest.mark.parametrize(
    ("changes", "there"),
    [
        ({"capacity": "on-demand"}, True),
        ({"capacity": "spot"}, False),
        ({"capacity": "reservation", **RESERVED}, False),
        ({"capacity": "capacity-block", **RESERVED}, False),
    ],
)
def test_a_placement_group_is_for_on_demand_nodes_alone(changes: dict[str, Any], there: bool, tmp_path: Path) -> None:
    made = clustered(tmp_path, **changes)
    assert bool(made.of(PLACEMENT)) is there
    assert ("placementGroup" in made.one(GROUP).inputs) is there
    if there:
        assert made.one(PLACEMENT).inputs["strategy"] == "cluster"


def test_a_capacity_block_is_launched_into_and_never_bought(tmp_path: Path) -> None:
    made = clustered(tmp_path, capacity="capacity-block", **RESERVED)
    inputs = template(made)
    assert inputs["instanceMarketOptions"] == {"marketType": "capacity-block"}
    target = {"capacityReservationTarget": {"capacityReservationId": RESERVED["reservation"]}}
    assert inputs["capacityReservationSpecification"] == target
    assert not any("CapacityBlock" in each.type for each in made.registrations)
    assert made.one("aws:ec2/subnet:Subnet", "cluster-1").inputs["availabilityZone"] == RESERVED["zone"]


def test_a_reservation_of_on_demand_capacity_has_no_market(tmp_path: Path) -> None:
    inputs = template(clustered(tmp_path, capacity="reservation", **RESERVED))
    assert "instanceMarketOptions" not in inputs
    assert "capacityReservationSpecification" in inputs


def test_spot_nodes_are_asked_for_once(tmp_path: Path) -> None:
    inputs = template(clustered(tmp_path, capacity="spot"))
    assert inputs["instanceMarketOptions"]["marketType"] == "spot"
    assert "capacityReservationSpecification" not in inputs


def test_nodes_are_closed_encrypted_and_gone_when_they_shut_down(deployed: Deployed) -> None:
    inputs = template(deployed)
    assert inputs["metadataOptions"]["httpTokens"] == "required"
    assert inputs["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"
    assert inputs["instanceInitiatedShutdownBehavior"] == "terminate"
    assert "vpcSecurityGroupIds" not in inputs, "the network interfaces name them"
    assert {each["resourceType"] for each in inputs["tagSpecifications"]} == {"instance", "volume", "network-interface"}
    assert deployed.one(TEMPLATE).ignored_changes == {"imageId", "userData"}, "a newer image restarts no training"


def test_another_number_of_nodes_starts_all_of_them_anew(tmp_path: Path) -> None:
    """By the launch template's tags: what changes there refreshes the group."""
    tags = [template(clustered(tmp_path, nodes=nodes))["tagSpecifications"][0]["tags"] for nodes in (2, 4)]
    assert [each["llmstrat:nodes"] for each in tags] == ["2", "4"]
    assert tags[0] | {"llmstrat:nodes": "4"} == tags[1]


def test_program_and_plan_are_of_one_size_for_2_and_2000_nodes(tmp_path: Path) -> None:
    few = clustered(tmp_path)
    many = clustered(tmp_path, nodes=2000, trainer={"batch_sequences": 16_000})
    assert many.one(GROUP).inputs["desiredCapacity"] == 2000
    assert registered(many) == registered(few)
    size = [
        len(json.dumps([dict(each.inputs) for each in made.registrations if each.type != _CODE]))
        for made in (few, many)
    ]
    assert size[1] - size[0] < 100, "only numbers may be longer"


_CODE = "aws:s3/bucketObjectv2:BucketObjectv2"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"storage": {"kind": "s3"}},
        {"capacity": "spot", "nodes": 4},
        {"capacity": "capacity-block", **RESERVED},
        {"nodes": 1},
    ],
    ids=["plain", "s3", "spot", "block", "single"],
)
def test_what_is_planned_is_registered(changes: dict[str, Any], tmp_path: Path) -> None:
    plan = plan_cluster(pretraining_of(resolve(tmp_path, **changes)))
    assert planned((*plan.resources, *plan.remaining)) == registered(clustered(tmp_path, **changes))


def test_a_node_may_do_what_its_job_needs_and_nothing_else(deployed: Deployed) -> None:
    allowed = {
        action: each["Resource"]
        for each in statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "cluster"))
        for action in each["Action"]
    }
    key = deployed.one(GROUP).inputs["name"].removeprefix("tiny-dev-cluster-")
    assert allowed["s3:PutObject"] == [f"arn:aws:s3:us-east-1:{ACCOUNT}:artifacts/pretraining/{key}/*"]
    group = f"autoScalingGroup:*:autoScalingGroupName/tiny-dev-cluster-{key}"
    for action in ("autoscaling:UpdateAutoScalingGroup", "autoscaling:SetInstanceHealth"):
        assert allowed[action] == [f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:{group}"]
    wide = {action for action, resources in allowed.items() if resources == ["*"]}
    assert all(action.startswith(("ssm:", "ssmmessages:")) for action in wide)
    assert not any("*" in action for action in allowed)


def test_without_a_file_system_nodes_read_the_corpus_themselves(tmp_path: Path) -> None:
    made = clustered(tmp_path, storage={"kind": "s3"})
    assert not made.of(FILE_SYSTEM)
    assert not made.of(LINK)
    assert "LLMSTRAT_FILE_SYSTEM=''" in script(made)
    read = [
        resource
        for each in statements(made.one("aws:iam/rolePolicy:RolePolicy", "cluster"))
        for resource in each["Resource"]
        if "s3:GetObject" in each["Action"]
    ]
    assert "arn:aws:s3:::corpus-of-ours/text/*" in read


def test_with_one_they_mount_it_and_cant_read_the_corpus_in_s3(deployed: Deployed) -> None:
    text = script(deployed)
    assert "LLMSTRAT_FILE_SYSTEM=fs-1.fsx.us-east-1.amazonaws.com@tcp:/abcdef" in text
    assert "LLMSTRAT_CORPUS=/fsx/corpus" in text
    assert "corpus-of-ours/text" not in json.dumps(statements(deployed.one("aws:iam/rolePolicy:RolePolicy", "cluster")))
    assert deployed.one(LINK).inputs["dataRepositoryPath"] == "s3://corpus-of-ours/text/"


def test_nodes_wait_for_the_way_out_their_role_the_code_and_the_files(deployed: Deployed) -> None:
    needed = deployed.one(GROUP).dependencies
    assert {
        "aws:ec2/route:Route::cluster",
        "aws:iam/rolePolicy:RolePolicy::cluster",
        f"{LINK}::cluster-corpus",
    } <= needed
    assert {f"{EGRESS}::cluster-within", "aws:ec2/vpcEndpoint:VpcEndpoint::cluster-s3"} <= needed
    assert {f"{_CODE}::{each.name}" for each in deployed.of(_CODE)} <= needed


def test_fsx_checks_the_groups_rules_so_they_are_there_first(deployed: Deployed) -> None:
    assert f"{EGRESS}::cluster-within" in deployed.one(FILE_SYSTEM).dependencies


def test_nodes_and_file_system_are_stopped_from_outside(deployed: Deployed) -> None:
    targets = {each.inputs["name"]: each.inputs["target"] for each in deployed.of(SCHEDULE)}
    stop = targets["tiny-dev-cluster-stop"]
    assert stop["arn"].endswith(":aws-sdk:autoscaling:updateAutoScalingGroup")
    call = json.loads(stop["input"])
    assert (call["MinSize"], call["MaxSize"], call["DesiredCapacity"]) == (0, 0, 0)
    assert targets["tiny-dev-cluster-files"]["arn"].endswith(":aws-sdk:fsx:deleteFileSystem")
    assert all(len(name) <= 64 for name in targets)


def test_the_end_is_the_jobs_own_or_the_stacks(tmp_path: Path) -> None:
    shape = cluster_shape(pretraining_of(resolve(tmp_path, options={"max_duration": "10h"})))
    started = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
    job = TuningJob("i", "n", "v", JobState.RUNNING, created=started)
    own = end_of(shape, TuningState(job), expires=None, now=EXPIRES)
    assert own == datetime(2026, 11, 24, 22, tzinfo=UTC), "an hour after it should have ended itself"
    soon = started + timedelta(hours=2)
    assert end_of(shape, TuningState(job), expires=soon, now=EXPIRES) == soon


def test_without_a_limit_the_cluster_lasts_a_quarter_longer_than_the_plan(tmp_path: Path) -> None:
    pretraining = pretraining_of(resolve(tmp_path, nodes=1, trainer={"tokens": "10B"}))
    lasts = cluster_shape(pretraining).lasts.total_seconds() / 86_400
    assert pretraining.plan.days.high * 1.25 < lasts < pretraining.plan.days.high * 1.25 + 0.5


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_once_the_job_is_over_only_the_log_is_left(state: JobState, tmp_path: Path) -> None:
    identity = pretraining_of(resolve(tmp_path)).identity
    over = clustered(tmp_path, TuningState(TuningJob(identity, "n", "v", state)))
    assert registered(over) == {"llmstrat:ec2:Cluster": 1, LOG: 1}
    assert over.outputs["cluster"] == {"log_group": "/llmstrat/tiny-dev/cluster"}


def test_what_finds_it_is_returned(deployed: Deployed) -> None:
    assert deployed.outputs["cluster"] == {
        "log_group": "/llmstrat/tiny-dev/cluster",
        "group_name": deployed.one(GROUP).inputs["name"],
        "network_id": "cluster-id",
        "file_system_id": "cluster-id",
    }


def test_no_secret_is_in_the_user_data(deployed: Deployed) -> None:
    assert "LLMSTRAT_TOKEN_SECRET=arn:aws:secretsmanager:us-east-1:" in script(deployed)
    assert "??????" not in script(deployed)
