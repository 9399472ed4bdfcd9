"""The training plan that a spec names: asked for by its ARN, and compared with the cluster before anything starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from managed_cluster_kit import PLAN_ARN, pretraining_of, resolve
from sagemaker_fakes import Client, Session, refusal

from llmstrat_iac.components.sagemaker.plan_preflight import check_plan
from llmstrat_iac.components.sagemaker.training_plans import CLUSTERS, JOBS
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.strategies.from_scratch.preflight import cluster_needs

PLANNED = {"capacity": "training-plan", "reservation": PLAN_ARN, "zone": "us-east-1b"}
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
P5 = "ml.p5.48xlarge"


def part(begins: float = -1, days: float = 14, **changes: Any) -> dict[str, Any]:
    """A reserved capacity that begins so many days from now."""
    start = NOW + timedelta(days=begins)
    usual = {"InstanceType": P5, "TotalInstanceCount": 2, "AvailabilityZone": "us-east-1b"}
    return usual | {"StartTime": start, "EndTime": start + timedelta(days=days)} | changes


def reserved(*parts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A plan that fits, with changes."""
    found = list(parts) or [part()]
    usual: dict[str, Any] = {
        "Status": "Active",
        "TargetResources": [JOBS],
        "AvailableInstanceCount": 2,
        "ReservedCapacitySummaries": found,
        "StartTime": found[0]["StartTime"],
        "EndTime": found[-1]["EndTime"],
    }
    return usual | changes


def asked(
    folder: Path, plan: Any, *, target: str = JOBS, ttl: timedelta | None = timedelta(days=30), **changes: Any
) -> list[Finding]:
    client = Client(describe_training_plan=plan)
    pretraining = pretraining_of(resolve(folder, "sagemaker", **PLANNED | changes))
    found = list(check_plan(pretraining, Session(sagemaker=client), target=target, now=NOW, ttl=ttl))
    assert client.calls == [("describe_training_plan", {"TrainingPlanName": PLAN_ARN})]
    return found


def test_a_plan_that_fits_is_said_to(tmp_path: Path) -> None:
    (finding,) = asked(tmp_path, reserved())
    assert finding.severity is Severity.INFO
    assert "`two-weeks-of-p5` is Active, 2026-11-30 12:00 UTC to 2026-12-14 12:00 UTC" in finding.message


@pytest.mark.parametrize(
    ("plan", "cluster", "path", "words"),
    [
        (reserved(Status="Expired"), {}, "reservation", "the plan is Expired"),
        (reserved(Status="Failed", StatusMessage="no money"), {}, "reservation", "Failed: no money"),
        (reserved(Status="Pending"), {}, "reservation", "isn't paid yet"),
        (reserved(TargetResources=[CLUSTERS]), {}, "runtime", "is for hyperpod-cluster, not for training-job"),
        (reserved(ReservedCapacitySummaries=[]), {}, "instance", f"reserves no {P5}"),
        (reserved(part(InstanceType="ml.p4d.24xlarge")), {}, "instance", f"reserves no {P5}, but ml.p4d.24xlarge"),
        (reserved(), {"nodes": 4}, "nodes", f"has 2 {P5}, and 4 are needed"),
        (reserved(), {"spare_nodes": 1}, "nodes", f"has 2 {P5}, and 3 are needed"),
        (reserved(part(), part(20)), {"nodes": 4}, "nodes", f"has 2 {P5}, and 4 are needed"),
        (reserved(), {"zone": "us-east-1d"}, "zone", "are in us-east-1b, and `cluster.zone` is `us-east-1d`"),
        (reserved(), {"zone": None}, "zone", "`cluster.zone` is not set"),
        (reserved(part(-14, 14.01)), {}, "reservation", "there until 2026-12-01 11:44 UTC"),
    ],
)
def test_a_plan_that_doesnt_fit_is_refused(
    tmp_path: Path, plan: dict[str, Any], cluster: dict[str, Any], path: str, words: str
) -> None:
    (finding,) = asked(tmp_path, plan, **cluster)
    assert (finding.severity, finding.path) == (Severity.ERROR, f"cluster.{path}")
    assert words in finding.message


@pytest.mark.parametrize("status", ["Expired", "Failed"])
def test_a_plan_of_no_use_any_more_names_the_way_to_another(tmp_path: Path, status: str) -> None:
    (finding,) = asked(tmp_path, reserved(Status=status))
    assert "`llmstrat capacity offers`" in finding.remedy
    assert "`capacity: on-demand`" in finding.remedy


def test_a_plan_in_use_may_be_in_use_by_this_stack(tmp_path: Path) -> None:
    (finding,) = asked(tmp_path, reserved(AvailableInstanceCount=0))
    assert (finding.severity, "0 ml.p5.48xlarge of the plan are free" in finding.message) == (Severity.WARNING, True)


def test_only_the_part_in_the_zone_counts(tmp_path: Path) -> None:
    elsewhere = part(1, 14, AvailabilityZone="us-east-1d", TotalInstanceCount=8)
    assert [each.severity for each in asked(tmp_path, reserved(part(), elsewhere))] == [Severity.INFO]
    (finding,) = asked(tmp_path, reserved(part(), elsewhere), nodes=4)
    assert f"has 2 {P5}, and 4 are needed" in finding.message


@pytest.mark.parametrize(
    ("kept", "severity"), [({}, Severity.WARNING), ({"checkpoints": {"enabled": False}}, Severity.ERROR)]
)
def test_a_plan_that_ends_before_the_run(tmp_path: Path, kept: dict[str, Any], severity: Severity) -> None:
    (finding,) = asked(tmp_path, reserved(part(0, 2)), trainer=kept)
    assert finding.severity is severity
    assert "until 2026-12-03 11:30 UTC, 2.0 days of use, and the run takes 2.4 to 3.6 days" in finding.message
    assert "30 minutes" in finding.reason


def test_two_parts_are_used_one_after_the_other(tmp_path: Path) -> None:
    assert [each.severity for each in asked(tmp_path, reserved(part(0, 2), part(5, 2)))] == [Severity.INFO]
    (finding,) = asked(tmp_path, reserved(part(0, 1), part(5, 1), TargetResources=[CLUSTERS]), target=CLUSTERS)
    assert "1.9 days of use in 2 parts" in finding.message
    assert "60 minutes" in finding.reason


def test_a_plan_that_begins_later_is_warned_of_and_refused_beyond_the_ttl(tmp_path: Path) -> None:
    scheduled = reserved(part(7), Status="Scheduled", AvailableInstanceCount=0)
    (finding,) = asked(tmp_path, scheduled)
    assert (finding.severity, finding.message) == (
        Severity.WARNING,
        "it begins 2026-12-08 12:00 UTC: until then no node starts",
    )
    (finding,) = asked(tmp_path, scheduled, ttl=timedelta(days=2))
    assert (finding.severity, finding.path) == (Severity.ERROR, "limits.ttl")
    assert "stopped before, 2026-12-03 12:00 UTC" in finding.message
    assert [each.severity for each in asked(tmp_path, scheduled, ttl=None)] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("code", "severity", "words"),
    [
        ("ResourceNotFound", Severity.ERROR, "llmstrat capacity offers"),
        ("AccessDeniedException", Severity.WARNING, "sagemaker:DescribeTrainingPlan"),
    ],
)
def test_a_plan_that_isnt_there_and_one_that_nobody_may_see(
    tmp_path: Path, code: str, severity: Severity, words: str
) -> None:
    (finding,) = asked(tmp_path, refusal(code))
    assert finding.severity is severity
    assert words in finding.remedy


@pytest.mark.parametrize(("runtime", "use"), [("sagemaker", "training job usage"), ("hyperpod", "cluster usage")])
def test_what_a_plan_has_counts_against_the_quota_of_jobs_and_clusters(tmp_path: Path, runtime: str, use: str) -> None:
    (need,) = cluster_needs(pretraining_of(resolve(tmp_path, runtime, **PLANNED)))
    assert (need.name, need.need) == (f"{P5} for {use}", 2.0)
