"""The plan of a cluster that is only tested: minutes instead of days, and what would stop the training is a warning."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch_kit import findings, found, plan, sizing

from llmstrat_iac.plan import Basis, Severity

ONLY = {"acceptance": "only"}


def test_the_nodes_are_billed_for_start_and_gate(tmp_path: Path) -> None:
    made = plan(tmp_path, made=found(), cluster=ONLY)
    (nodes,) = [each for each in made.stack.costs if "p4d" in each.item]
    assert (nodes.item, nodes.basis) == ("2 x p4d.24xlarge: acceptance gate", Basis.ONCE)
    assert nodes.quantity == pytest.approx(2 * 0.5), "a quarter of an hour each for start and gate"
    assert made.once.usd == pytest.approx(22, rel=0.02)
    assert not [each for each in made.stack.costs if "checkpoints" in each.item]


def test_it_says_what_it_rests_on_and_what_is_still_to_come(tmp_path: Path) -> None:
    lines = sizing(plan(tmp_path, made=found(), cluster=ONLY))
    assert lines["gate: time"].startswith("10 to 75 minutes | likely 30 minutes, of which it measures for 15 minutes")
    assert lines["gate: cost"].startswith("7.4 to 55 USD | 44.16 USD an hour")
    assert lines["training, not now"].startswith("2 to 4 days, 2,100 to 4,200 USD | `acceptance: before-training`")
    assert not [name for name in lines if name.startswith("run:")]


def test_hyperpods_own_checks_come_first_and_bill(tmp_path: Path) -> None:
    cluster = {**ONLY, "runtime": "hyperpod", "instance": "ml.p4d.24xlarge"}
    lines = sizing(plan(tmp_path, made=found(), cluster=cluster))
    assert lines["gate: time"].startswith("1.2 to 3.2 hours")
    without = sizing(plan(tmp_path, made=found(), cluster={**cluster, "options": {"deep_health_checks": False}}))
    assert without["gate: time"].startswith("10 to 75 minutes")


def test_no_fleet_is_planned_for_it(tmp_path: Path) -> None:
    serving = {"instance": "g6.xlarge", "max_context": 2048}
    types = {each.type for each in plan(tmp_path, made=found(), cluster=ONLY, serving=serving).stack.resources}
    assert "aws:lb/loadBalancer:LoadBalancer" not in types
    assert "aws:autoscaling/group:Group" in types
    with_fleet = {each.type for each in plan(tmp_path, made=found(), serving=serving).stack.resources}
    assert "aws:lb/loadBalancer:LoadBalancer" in with_fleet


def test_what_stops_the_training_only_warns(tmp_path: Path) -> None:
    limits = {"ttl": "24h", "max_hourly_usd": 10}
    stopped = findings(tmp_path, made=found(), limits=limits)
    tested = findings(tmp_path, made=found(), limits=limits, cluster=ONLY)
    assert stopped["ttl-shorter-than-run"].severity is Severity.ERROR
    assert tested["ttl-shorter-than-run"].severity is Severity.WARNING
    assert tested["cluster-hourly-limit"].severity is Severity.ERROR, "the nodes bill the same"
    assert tested["gate-only"].severity is Severity.INFO
    assert "10 to 75 minutes" in tested["gate-only"].message
    assert "gate-only" not in stopped
