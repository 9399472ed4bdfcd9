"""What SageMaker refuses about a job on instances when it is created."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmstrat_iac.sandbox.emulator.quotas.limits import exceeded, limit
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments


def check_instances(asked: Arguments, running: Iterable[Arguments]) -> None:
    """Refuse what isn't complete, contradicts itself, or is more than the quota leaves beside the running jobs."""
    resources = asked.get("ResourceConfig")
    if not resources or not asked.get("AlgorithmSpecification"):
        raise ApiError("ValidationException", "ResourceConfig and AlgorithmSpecification are required.")
    if not asked.get("StoppingCondition"):
        raise ApiError("ValidationException", "StoppingCondition is required.")
    _check_time(asked, asked["StoppingCondition"])
    kind, wanted = resources.get("InstanceType"), int(resources.get("InstanceCount") or 1)
    quota = _quota(asked)
    most = limit("sagemaker", quota)
    used = sum(int(job["ResourceConfig"].get("InstanceCount") or 1) for job in running if _quota(job) == quota)
    if kind and most is not None and used + wanted > most:
        raise ApiError("ResourceLimitExceeded", exceeded(quota, most, used, wanted))


def _quota(asked: Mapping[str, Any]) -> str:
    use = "spot training job usage" if asked.get("EnableManagedSpotTraining") else "training job usage"
    return f"{(asked.get('ResourceConfig') or {}).get('InstanceType')} for {use}"


def _check_time(asked: Arguments, condition: Mapping[str, Any]) -> None:
    spot, most, wait = (
        asked.get("EnableManagedSpotTraining"),
        condition.get("MaxRuntimeInSeconds"),
        condition.get("MaxWaitTimeInSeconds"),
    )
    if spot and (not wait or (most and wait < most)):
        message = "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        raise ApiError("ValidationException", message)
    if wait and not spot:
        message = "MaxWaitTimeInSeconds is supported only when EnableManagedSpotTraining is set to true"
        raise ApiError("ValidationException", message)
