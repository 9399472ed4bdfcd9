"""What AWS is asked about a cluster before `up`, and what whoever deploys it must be allowed to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_fakes import FakeAccount, error
from ec2_cluster_kit import RESERVED, pretraining_of, resolve

from llmstrat_iac.catalog.efa import efa_layout
from llmstrat_iac.components.ec2.permissions import permissions
from llmstrat_iac.components.ec2.preflight import preflight
from llmstrat_iac.plan import Finding, Severity

BLOCK = {"capacity": "capacity-block", **RESERVED}
NOW = datetime.now(UTC)
RESERVATION = {
    "State": "active", "InstanceType": "p5.48xlarge", "AvailabilityZone": "us-east-1b", "TotalInstanceCount": 2,
    "AvailableInstanceCount": 2, "ReservationType": "capacity-block", "StartDate": NOW - timedelta(hours=1),
    "EndDate": NOW + timedelta(days=7),
}  # fmt: skip


def answers(
    name: str = "p5.48xlarge", *, cards: int = 32, efa: int = 32, kinds: list[str] | None = None
) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [{"NetworkCardIndex": card} for card in range(cards)]
    if kinds is not None:
        listed[0]["InterfaceTypes"] = kinds
    network = {"NetworkCards": listed, "EfaInfo": {"MaximumEfaInterfaces": efa}}
    return {
        "describe_instance_type_offerings": {
            "InstanceTypeOfferings": [{"Location": "us-east-1b"}, {"Location": "us-east-1d"}]
        },
        "describe_instance_types": {"InstanceTypes": [{"InstanceType": name, "NetworkInfo": network}]},
    }


def findings(folder: Path, ec2: Mapping[str, Any], **cluster: Any) -> list[Finding]:
    return list(preflight(resolve(folder, **cluster), FakeAccount({"ec2": dict(ec2)})))


def errors(found: list[Finding]) -> list[str]:
    return [each.path for each in found if each.severity is Severity.ERROR]


def test_what_is_as_planned_is_said(tmp_path: Path) -> None:
    found = findings(tmp_path, answers())
    assert {each.severity for each in found} == {Severity.INFO}
    assert [each.message for each in found] == [
        "p5.48xlarge is offered in us-east-1b, us-east-1d",
        "p5.48xlarge has 32 network cards and 32 EFA devices, as planned",
    ]


def test_the_zone_has_to_offer_the_type(tmp_path: Path) -> None:
    found = findings(tmp_path, answers(), zone="us-east-1a")
    assert errors(found) == ["cluster.zone"]
    assert found[0].remedy == "take one of us-east-1b, us-east-1d"


def test_a_region_without_the_type_is_refused(tmp_path: Path) -> None:
    found = findings(tmp_path, answers() | {"describe_instance_type_offerings": {"InstanceTypeOfferings": []}})
    assert errors(found) == ["cluster.instance"]


@pytest.mark.parametrize(
    "changed",
    [{"cards": 31}, {"efa": 16}, {"kinds": ["interface"]}],
    ids=["a card less", "fewer devices", "a first card without EFA"],
)
def test_network_cards_that_arent_as_the_table_has_them_stop_it(changed: dict[str, Any], tmp_path: Path) -> None:
    assert errors(findings(tmp_path, answers(**changed))) == ["cluster.instance"]


def test_p6_b300_passes_with_its_first_card_for_ena_alone(tmp_path: Path) -> None:
    name = "p6-b300.48xlarge"
    layout = efa_layout(pretraining_of(resolve(tmp_path, instance=name)).plan.instance)
    ec2 = answers(name, cards=layout.cards, efa=layout.efa_interfaces, kinds=["interface"])
    assert not errors(findings(tmp_path, ec2, instance=name))


def reserved(folder: Path, changes: Mapping[str, Any], **cluster: Any) -> list[Finding]:
    found = {"describe_capacity_reservations": {"CapacityReservations": [RESERVATION | dict(changes)]}}
    every = findings(folder, answers() | found, **BLOCK | cluster)
    return [each for each in every if each.rule == "aws.ec2.reservation"]


def test_a_reservation_that_fits_is_passed(tmp_path: Path) -> None:
    assert reserved(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"State": "expired"}, "cluster.reservation", "is expired"),
        ({"InstanceType": "p4d.24xlarge"}, "cluster.instance", "holds p4d.24xlarge, and the plan has p5.48xlarge"),
        ({"AvailabilityZone": "us-east-1d"}, "cluster.zone", "is in us-east-1d, not in us-east-1b"),
        ({"ReservationType": "default"}, "cluster.capacity", "`capacity: reservation`"),
        ({"TotalInstanceCount": 1, "AvailableInstanceCount": 1}, "cluster.nodes", "holds 1 instances, 1 of them free"),
    ],
)
def test_a_reservation_of_another_shape_is_refused(
    changes: dict[str, Any], path: str, words: str, tmp_path: Path
) -> None:
    found = reserved(tmp_path, changes)
    assert errors(found) == [path]
    assert words in found[0].message
    assert found[0].remedy


def test_spare_nodes_count_against_it(tmp_path: Path) -> None:
    [found] = reserved(tmp_path, {}, spare_nodes=1)
    assert "3 are needed: 2 nodes and 1 spare" in found.message


def test_nodes_that_run_in_it_already_may_be_our_own(tmp_path: Path) -> None:
    [found] = reserved(tmp_path, {"AvailableInstanceCount": 0})
    assert found.severity is Severity.WARNING


def test_a_window_that_begins_later_or_ends_too_early_is_said(tmp_path: Path) -> None:
    [later] = reserved(
        tmp_path, {"State": "scheduled", "StartDate": NOW + timedelta(days=2), "AvailableInstanceCount": 0}
    )
    assert (later.severity, "until then no node starts" in later.message) == (Severity.WARNING, True)
    [early] = reserved(tmp_path, {"EndDate": NOW + timedelta(minutes=30)})
    assert "and the run takes" in early.message


def test_a_window_that_is_too_short_stops_a_run_without_checkpoints(tmp_path: Path) -> None:
    ends = {
        "describe_capacity_reservations": {
            "CapacityReservations": [RESERVATION | {"EndDate": NOW + timedelta(minutes=30)}]
        }
    }
    resolved = resolve(tmp_path, trainer={"checkpoints": {"enabled": False}}, **BLOCK)
    found = list(preflight(resolved, FakeAccount({"ec2": answers() | ends})))
    assert errors(found) == ["cluster.reservation"]


def test_a_reservation_that_isnt_there_is_refused(tmp_path: Path) -> None:
    gone = {"describe_capacity_reservations": error("InvalidCapacityReservationId.NotFound")}
    assert errors(findings(tmp_path, answers() | gone, **BLOCK)) == ["cluster.reservation"]


def actions(folder: Path, **cluster: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for statement in permissions(resolve(folder, **cluster)):
        for action in statement.actions:
            found[action] = (*found.get(action, ()), *statement.resources)
    return found


def test_deploying_asks_for_what_it_registers(tmp_path: Path) -> None:
    asked = actions(tmp_path)
    assert {
        "autoscaling:CreateAutoScalingGroup", "ec2:CreateLaunchTemplate", "ec2:CreateNatGateway",
        "ec2:CreatePlacementGroup", "ec2:DescribeCapacityReservations", "fsx:CreateDataRepositoryAssociation",
        "fsx:CreateFileSystem", "iam:CreateInstanceProfile", "logs:CreateLogGroup", "ssm:GetParameter",
    } <= set(asked)  # fmt: skip
    assert asked["autoscaling:CreateAutoScalingGroup"][0].endswith("autoScalingGroupName/tiny-dev-cluster-*")
    assert not any("CapacityBlock" in action for action in asked), "`up` never buys"


def test_without_a_file_system_nothing_of_fsx_is_asked_for(tmp_path: Path) -> None:
    assert not any(each.startswith("fsx:") for each in actions(tmp_path, storage={"kind": "s3"}))


def test_wildcards_are_for_calls_that_only_look(tmp_path: Path) -> None:
    for action, resources in actions(tmp_path).items():
        if "*" in resources:
            assert action.split(":")[1].startswith("Describe"), action
