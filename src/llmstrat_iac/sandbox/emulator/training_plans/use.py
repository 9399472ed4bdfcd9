"""Whoever names a training plan: a job, or a cluster's group. What SageMaker refuses them, and how many instances they
hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.clusters.store import everything
from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.training_plans.store import ACTIVE, CLUSTERS, JOBS, SCHEDULED, Plan, plan
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, Job
from llmstrat_iac.sandbox.jobs import clock


def check_job(asked: Arguments) -> Plan | None:
    """The plan that a job names, None if it names none; an ApiError if it can't use it."""
    resources = asked.get("ResourceConfig") or {}
    network = asked.get("VpcConfig") or {}
    return _check(resources, JOBS, network.get("Subnets") or ())


def check_group(group: Mapping[str, Any], network: Mapping[str, Any] | None) -> Plan | None:
    """The same for a cluster's group in the cluster's network."""
    return _check(group, CLUSTERS, (group.get("OverrideVpcConfig") or network or {}).get("Subnets") or ())


def _check(named: Mapping[str, Any], target: str, subnets: Iterable[str]) -> Plan | None:
    arn = named.get("TrainingPlanArn")
    if not arn:
        return None
    found = plan(arn)
    if found is None or arn != found.arn:
        raise ApiError("ValidationException", f"Training plan {arn} was not found in this account and region.")
    status, kind, count = found.status(), named.get("InstanceType"), int(named.get("InstanceCount") or 1)
    if found.target != target:
        _refuse(found, f"is for {found.target}, and can't be used for {target}")
    if status not in (SCHEDULED, ACTIVE) or found.over():
        _refuse(found, f"is {status}; it must be Scheduled or Active with time left")
    if kind != found.kind:
        _refuse(found, f"reserves {found.kind}, not {kind}")
    if count > found.total:
        _refuse(found, f"reserves {found.total} instances, and {count} were requested")
    zones = {interfaces.subnet(each)["AvailabilityZone"] for each in subnets}
    reserved = {each.zone for each in found.segments}
    if zones and not zones & reserved:
        _refuse(found, f"is in {', '.join(sorted(reserved))}; the subnets are in {', '.join(sorted(zones))}")
    return found


def _refuse(found: Plan, why: str) -> None:
    raise ApiError("ValidationException", f"Training plan {found.arn} {why}.")


def lacks(found: Plan, named: Mapping[str, Any], *, without: str | None = None) -> bool:
    """Whether jobs and clusters but `without` (a cluster's name) leave too few instances, now or when it begins."""
    wanted = int((named.get("ResourceConfig") or named).get("InstanceCount") or 1)
    return _of_jobs(found, waiting=True) + _of_clusters(found, without) + wanted > found.total


def keep_time(job: Job) -> None:
    """Let a job begin when its plan does, and end with it."""
    arn = (job.asked.get("ResourceConfig") or {}).get("TrainingPlanArn")
    found = plan(arn) if arn else None
    if found is None or not job.holds_instances:
        return
    if job.waits and found.there():
        job.course.begun = clock()
    elif found.over():
        job.course.stop()


def in_use(found: Plan) -> int:
    """Instances that work now."""
    return _of_jobs(found, waiting=False) + _of_clusters(found, None) if found.there() else 0


def _of_jobs(found: Plan, *, waiting: bool) -> int:
    return sum(
        int(job.asked["ResourceConfig"].get("InstanceCount") or 1)
        for job in STORE.jobs.values()
        if (job.asked.get("ResourceConfig") or {}).get("TrainingPlanArn") == found.arn
        and job.holds_instances
        and (waiting or not job.waits)
    )


def _of_clusters(found: Plan, without: str | None) -> int:
    return sum(
        int(group["InstanceCount"])
        for cluster in everything()
        if cluster.name != without and cluster.status not in ("Failed", "Deleting")
        for group in cluster.groups
        if group.get("TrainingPlanArn") == found.arn
    )
