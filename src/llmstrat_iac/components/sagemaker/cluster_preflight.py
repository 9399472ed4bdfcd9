"""What AWS says of a cluster's SageMaker parts before they start: how long a job may run, and what a plan reserves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from llmstrat_iac.catalog.quotas import QuotaNeed
from llmstrat_iac.components.leftovers import explain
from llmstrat_iac.components.quotas import check_quotas
from llmstrat_iac.components.sagemaker.cluster_options import ClusterOptions
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.hookspecs import AwsSession
from llmstrat_iac.plan import Finding, Severity
from llmstrat_iac.pretraining import ResolvedPretraining

_RULE = "aws.sagemaker.training-plan"
_PATH = "cluster.reservation"
_USABLE = ("Pending", "Scheduled", "Active")


def check_cluster(pretraining: ResolvedPretraining, session: AwsSession) -> Iterator[Finding]:
    """The longest run time of a job, and the training plan if there is one."""
    options: ClusterOptions = pretraining.options
    limit = options.max_runtime.duration
    if limit is not None:
        yield from check_quotas([_run_time(limit.total_seconds())], session)
    yield from check_plan(pretraining, session, target="training-job")


def check_plan(pretraining: ResolvedPretraining, session: AwsSession, *, target: str) -> Iterator[Finding]:
    """Whether a training plan is there, for `target`, and has instances enough, of the type and in the zone."""
    cluster = pretraining.cluster
    if cluster.capacity != "training-plan" or not cluster.reservation:
        return
    name = cluster.reservation.rpartition("/")[2]
    try:
        plan = session.client("sagemaker").describe_training_plan(TrainingPlanName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFound", "ResourceNotFoundException"):
            yield _unknown(name, explain(error))
            return
        yield _error(f"there is no training plan `{name}`", "`aws sagemaker list-training-plans` names yours")
        return
    yield from _check_plan(pretraining, plan, target)


def _check_plan(pretraining: ResolvedPretraining, plan: dict[str, Any], target: str) -> Iterator[Finding]:
    wanted = instance_name(pretraining.plan.instance.name)
    needed = pretraining.plan.nodes + pretraining.cluster.spare_nodes
    reserved = [each for each in plan.get("ReservedCapacitySummaries") or () if each.get("InstanceType") == wanted]
    zones = sorted({each["AvailabilityZone"] for each in reserved if each.get("AvailabilityZone")})
    total = sum(each.get("TotalInstanceCount", 0) for each in reserved)
    if plan.get("Status") not in _USABLE:
        yield _error(f"the plan is {plan.get('Status')}", "give the ARN of a plan that is scheduled or active")
    if target not in (plan.get("TargetResources") or (target,)):
        yield _error(f"the plan isn't for {target}s", f"reserve one with `{target}` among its target resources")
    if not reserved:
        yield _error(f"the plan reserves no {wanted}", "set `cluster.instance` to what it reserves, or give another")
    elif total < needed:
        yield _error(f"the plan has {total} {wanted}, and {needed} are needed", "take fewer `nodes`, or another plan")
    elif plan.get("Status") == "Active" and plan.get("AvailableInstanceCount", total) < needed:
        free = plan["AvailableInstanceCount"]
        yield Finding(
            _RULE,
            Severity.WARNING,
            _PATH,
            f"{free} of the plan's {total} {wanted} are free, and {needed} are needed",
            reason="it is enough only if this stack itself uses them already",
            remedy="stop what else uses the plan",
        )
    zone = pretraining.cluster.zone
    if zones and zone not in zones:
        said = f"`{zone}`" if zone else "not set"
        yield _error(
            f"the plan's instances are in {', '.join(zones)}, and `cluster.zone` is {said}",
            f"set `cluster.zone: {zones[0]}`: network and file system are in one zone",
        )


def _run_time(seconds: float) -> QuotaNeed:
    return QuotaNeed(
        "cluster.options.max_runtime",
        "sagemaker",
        "Longest run time for a training job",
        "L-33A961FD",
        seconds,
        "seconds",
    )


def _error(message: str, remedy: str) -> Finding:
    return Finding(_RULE, Severity.ERROR, _PATH, message, reason="SageMaker would refuse the cluster", remedy=remedy)


def _unknown(name: str, why: str) -> Finding:
    return Finding(
        _RULE,
        Severity.WARNING,
        _PATH,
        f"unknown: what the training plan `{name}` reserves ({why})",
        remedy="allow sagemaker:DescribeTrainingPlan on it",
    )
