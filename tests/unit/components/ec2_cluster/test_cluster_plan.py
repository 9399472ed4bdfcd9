"""The plan of a cluster: how large its file system is, what that costs, and what can't work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ec2_cluster_kit import RESERVED, pretraining_of, resolve

from llmstrat_iac.plan import Basis, Finding, Severity, StackPlan
from llmstrat_iac.pretraining.storage import corpus_gib, file_system_gib
from llmstrat_iac.runtimes.ec2.cluster import plan_cluster


def plan(folder: Path, **changes: Any) -> StackPlan:
    return plan_cluster(pretraining_of(resolve(folder, **changes)))


def found(folder: Path, rule: str, **changes: Any) -> list[Finding]:
    return [each for each in plan(folder, **changes).findings if each.rule == rule]


def test_of_a_cluster_that_works_only_what_bills_on_is_said(tmp_path: Path) -> None:
    assert [each.rule for each in plan(tmp_path).findings] == ["cluster.file-system"]
    assert plan(tmp_path, storage={"kind": "s3"}).findings == ()


def test_a_small_corpus_gets_the_smallest_file_system(tmp_path: Path) -> None:
    pretraining = pretraining_of(resolve(tmp_path))
    assert file_system_gib(pretraining) == 1200
    assert round(corpus_gib(pretraining)) == 37, "4 bytes a token"


@pytest.mark.parametrize(("gib", "expected"), [(900, 1200), (1000, 2400), (1900, 2400), (2100, 4800)])
def test_it_holds_corpus_and_checkpoints_with_a_fifth_to_spare(gib: float, expected: int, tmp_path: Path) -> None:
    pretraining = pretraining_of(resolve(tmp_path))
    corpus = pretraining.corpus.model_copy(update={"gib": gib})
    kept = (pretraining.trainer.checkpoints.keep + 1) * pretraining.plan.checkpoint_gib
    larger = replace(pretraining, corpus=corpus)
    assert file_system_gib(larger) == expected
    assert (gib + kept) * 1.2 <= expected


@pytest.mark.parametrize(("gib", "near"), [(1000, "1,200 or 2,400"), (3000, "2,400 or 4,800")])
def test_a_size_that_fsx_hasnt_is_refused_with_those_it_has(gib: int, near: str, tmp_path: Path) -> None:
    [finding] = found(tmp_path, "storage-size", storage={"kind": "fsx", "gib": gib})
    assert finding.severity is Severity.ERROR
    assert near in finding.remedy


def test_a_size_that_fsx_has_is_taken(tmp_path: Path) -> None:
    assert not found(tmp_path, "storage-size", storage={"kind": "fsx", "gib": 4800})
    [line] = [each for each in plan(tmp_path, storage={"kind": "fsx", "gib": 4800}).costs if "FSx" in each.item]
    assert line.basis is Basis.HOUR, "it ends with the job or the TTL"
    assert line.usd == pytest.approx(4800 * 0.21 / 730)


def test_faster_storage_costs_more_and_none_nothing(tmp_path: Path) -> None:
    def usd(**storage: Any) -> float:
        return sum(each.usd or 0 for each in plan(tmp_path, storage=storage).costs if "FSx" in each.item)

    prices = [usd(kind="fsx", mbps_per_tib=speed) for speed in (125, 250, 500, 1000)]
    assert prices == sorted(set(prices))
    assert usd(kind="s3") == 0


def test_what_the_nodes_disks_cost_grows_with_them(tmp_path: Path) -> None:
    def disks(nodes: int) -> float:
        [line] = [each for each in plan(tmp_path, nodes=nodes).costs if "disks" in each.item]
        return line.quantity

    assert disks(4) == pytest.approx(2 * disks(2))


def test_capacity_blocks_are_of_some_types_only(tmp_path: Path) -> None:
    [finding] = found(tmp_path, "cluster-capacity", instance="g6.48xlarge", capacity="capacity-block", **RESERVED)
    assert finding.severity is Severity.ERROR
    assert not found(tmp_path, "cluster-capacity", capacity="capacity-block", **RESERVED)


def test_spare_nodes_need_a_place_in_the_reservation(tmp_path: Path) -> None:
    [finding] = found(tmp_path, "cluster-spares", spare_nodes=2, capacity="capacity-block", **RESERVED)
    assert "has to hold 4 instances: 2 that train and 2 spare" in finding.message


def test_spare_nodes_without_checkpoints_are_money_for_nothing(tmp_path: Path) -> None:
    trainer = {"checkpoints": {"enabled": False}}
    [finding] = found(tmp_path, "cluster-spares", spare_nodes=1, trainer=trainer)
    assert finding.severity is Severity.WARNING
    assert not found(tmp_path, "cluster-spares", spare_nodes=1)


def test_the_plan_says_when_it_ends_and_how_the_nodes_are_joined(tmp_path: Path) -> None:
    lines = {each.what: each.value for each in plan(tmp_path, options={"max_duration": "10d"}).sizing}
    assert lines["cluster ends"] == "after 10.0 days at the latest"
    assert lines["network of a node"] == "32 EFA devices, 3,200 Gbit/s"


def test_a_run_that_fits_nowhere_has_no_plan_of_its_own(tmp_path: Path) -> None:
    assert plan(tmp_path, instance="g4dn.xlarge", nodes=1).resources == ()
