"""What is said of a multi-node job before it starts: by the plan alone, and by AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from managed_cluster_kit import FILES, OBJECTS, PLAN_ARN, pretraining_of, resolve
from sagemaker_fakes import Client, Session

from llmstrat_iac.components.hyperpod.permissions import permissions as cluster_permissions
from llmstrat_iac.components.sagemaker.permissions import permissions
from llmstrat_iac.components.sagemaker.preflight import preflight
from llmstrat_iac.plan import Finding, Severity

PLANNED = {"capacity": "training-plan", "reservation": PLAN_ARN, "zone": "us-east-1b"}
SAGEMAKER = "arn:{partition}:sagemaker:{region}:{account}:"
THERE = {"images": [{}], "failures": []}


def checked(folder: Path, *, rules: str = "sagemaker", runtime: str = "sagemaker", **changes: Any) -> list[Finding]:
    pretraining = pretraining_of(resolve(folder, runtime, **changes))
    assert pretraining.runtime.plan_cluster is not None
    return [each for each in pretraining.runtime.plan_cluster(pretraining).findings if each.rule.startswith(rules)]


def test_a_usual_job_needs_no_word(tmp_path: Path) -> None:
    assert checked(tmp_path) == []


@pytest.mark.parametrize("limit", ["40d", "never"])
def test_a_job_has_an_end_that_sagemaker_takes(tmp_path: Path, limit: str) -> None:
    (finding,) = checked(tmp_path, options={"max_runtime": limit})
    assert (finding.rule, finding.severity) == ("sagemaker.duration", Severity.ERROR)
    assert "28 days" in finding.message


def test_beyond_the_usual_quota_is_a_warning_that_names_it(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, days=6, options={"max_runtime": "8d"})
    assert (finding.rule, finding.severity) == ("sagemaker.duration", Severity.WARNING)
    assert "L-33A961FD" in finding.reason


def test_a_run_longer_than_a_job_goes_on_as_the_next_attempt(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, days=12)
    assert (finding.rule, finding.severity) == ("sagemaker.attempts", Severity.WARNING)
    assert "12.0 days and one job at most 5: about 3 jobs" in finding.message
    assert "up --retry" in finding.remedy


def test_a_run_longer_than_a_job_without_checkpoints_can_never_end(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, days=12, trainer={"checkpoints": {"enabled": False}})
    assert (finding.rule, finding.severity) == ("sagemaker.attempts", Severity.ERROR)


@pytest.mark.parametrize("reservation", ["cr-0123456789abcdef0", PLAN_ARN.replace("training-plan", "cluster")])
def test_only_a_plan_is_a_plan(tmp_path: Path, reservation: str) -> None:
    (finding,) = checked(tmp_path, **PLANNED | {"reservation": reservation})
    assert (finding.path, finding.severity) == ("cluster.reservation", Severity.ERROR)


def test_spare_nodes_are_nothing_that_a_job_has(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, spare_nodes=2)
    assert (finding.path, finding.severity) == ("cluster.spare_nodes", Severity.WARNING)


@pytest.mark.parametrize("runtime", ["sagemaker", "hyperpod"])
def test_a_file_system_that_outlives_its_job_is_said_with_what_it_costs(tmp_path: Path, runtime: str) -> None:
    (finding,) = checked(tmp_path, rules="cluster", runtime=runtime, **FILES)
    assert (finding.rule, finding.severity) == ("cluster.file-system", Severity.INFO)
    assert "NAT gateway" in finding.message
    assert "a day" in finding.message
    assert not checked(tmp_path, rules="cluster", runtime=runtime, **OBJECTS)


def test_more_devices_than_addresses_is_a_warning_of_jobs_alone(tmp_path: Path) -> None:
    large: dict[str, Any] = {"nodes": 2000, "trainer": {"batch_sequences": 16_000}}
    (finding,) = checked(tmp_path, **large)
    assert (finding.rule, finding.severity) == ("sagemaker.addresses", Severity.WARNING)
    assert not checked(tmp_path, runtime="hyperpod", **large)


def test_a_type_that_sagemaker_lacks_is_refused(tmp_path: Path) -> None:
    (finding,) = checked(tmp_path, instance="gr6.8xlarge")
    assert (finding.rule, finding.severity) == ("sagemaker.instance", Severity.ERROR)


def test_a_cluster_counts_as_training_jobs_do(tmp_path: Path) -> None:
    pretraining = pretraining_of(resolve(tmp_path, "sagemaker"))
    needs = [
        (each.name, each.path, each.need)
        for capacity in ("on-demand", "spot")
        for each in pretraining.runtime.quotas("cluster", pretraining.plan.instance, 8, capacity)
    ]
    assert needs == [
        ("ml.p5.48xlarge for training job usage", "cluster.instance", 8.0),
        ("ml.p5.48xlarge for spot training job usage", "cluster.instance", 8.0),
    ]


def asked(folder: Path, plan: Any = None, *, seconds: float = 432_000, **changes: Any) -> list[Finding]:
    quotas = Client(get_service_quota={"Quota": {"QuotaCode": "L-33A961FD", "Value": seconds}})
    session = Session(
        ecr=Client(batch_get_image=THERE),
        service_quotas=quotas,
        sagemaker=Client(describe_training_plan=plan if plan is not None else {}),
    )
    found = preflight(resolve(folder, "sagemaker", **changes), session)
    return [each for each in found if each.severity is not Severity.INFO]


def test_the_longest_run_time_is_asked_for(tmp_path: Path) -> None:
    assert asked(tmp_path) == []
    (finding,) = asked(tmp_path, options={"max_runtime": "10d"})
    assert (finding.path, finding.severity) == ("cluster.options.max_runtime", Severity.ERROR)
    assert "--desired-value 864000" in finding.remedy


def test_deploying_needs_named_actions(tmp_path: Path) -> None:
    resolved = resolve(tmp_path, "sagemaker", **PLANNED)
    found = list(permissions(resolved))
    for each in found:
        assert each.reason
        assert not any("*" in action for action in each.actions)
        if "*" in each.resources:
            assert "no resource" in each.reason
    actions = {action for each in found for action in each.actions}
    wanted = {"CreateTrainingJob", "DescribeTrainingPlan", "StopTrainingJob"}
    assert {f"sagemaker:{each}" for each in wanted} <= actions
    assert {"ec2:CreateNatGateway", "fsx:CreateFileSystem"} <= actions
    known = set(get_session().get_service_model("sagemaker").operation_names)
    assert {each.partition(":")[2] for each in actions if each.startswith("sagemaker:")} <= known


@pytest.mark.parametrize(
    ("runtime", "used"), [("sagemaker", ["CreateTrainingJob"]), ("hyperpod", ["CreateCluster", "UpdateCluster"])]
)
def test_a_plan_is_read_and_used_and_nobody_may_buy_one(tmp_path: Path, runtime: str, used: list[str]) -> None:
    ask = {"sagemaker": permissions, "hyperpod": cluster_permissions}[runtime]
    found = list(ask(resolve(tmp_path, runtime, **PLANNED)))
    of_plan = {each.actions: each.resources for each in found if PLAN_ARN in each.resources}
    assert of_plan == {
        ("sagemaker:DescribeTrainingPlan",): (PLAN_ARN,),
        tuple(f"sagemaker:{each}" for each in used): (PLAN_ARN, f"{SAGEMAKER}reserved-capacity/*"),
    }
    actions = {action for each in found for action in each.actions}
    assert not actions & {"sagemaker:CreateTrainingPlan", "sagemaker:SearchTrainingPlanOfferings"}
    assert not any(PLAN_ARN in each.resources for each in ask(resolve(tmp_path, runtime)))
