"""SageMaker's operations on training plans: offered, bought, described, listed. Nothing changes or ends one.

A plan whose name has `fault-unpaid` in it fails to be paid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ministack.services import ec2

from llmstrat_iac.sandbox.emulator.quotas.limits import PLANS_QUOTA, exceeded, limit
from llmstrat_iac.sandbox.emulator.training_plans import offerings
from llmstrat_iac.sandbox.emulator.training_plans.store import (
    ACTIVE,
    EXPIRED,
    FAILED,
    PENDING,
    Plan,
    Segment,
    existing,
    plans,
)
from llmstrat_iac.sandbox.emulator.training_plans.use import in_use
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments, Handler, page, refuse
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE, arn, tag_map

_UNPAID = re.compile(r"(?<![a-z0-9])fault-unpaid(?![a-z0-9])")
_MESSAGES = {PENDING: "Payment is being processed", FAILED: "Payment failed. The training plan was not reserved."}


def create(asked: Arguments) -> Mapping[str, Any]:
    """CreateTrainingPlan: an offering becomes a plan, once."""
    name = asked["TrainingPlanName"]
    count = sum(each.status() != EXPIRED for each in plans.values())
    most = limit("sagemaker", PLANS_QUOTA)
    full = "The limit of training plans is exceeded."
    refuse(STORE.faults.refusal(name), quota="ResourceLimitExceeded", message=full)
    if most is not None and count + 1 > most:
        raise ApiError("ResourceLimitExceeded", exceeded(PLANS_QUOTA, most, count, 1, unit="Plans"))
    if name in plans:
        raise ApiError("ResourceInUse", f"Training plan with name {name} already exists.")
    chosen = offerings.take(asked["TrainingPlanOfferingId"])
    offerings.check_quota(chosen.segments[0].kind, chosen.segments[0].count)
    made = Plan(
        arn(f"training-plan/{name}"), name, chosen.target, chosen.segments, chosen.fee,
        unpaid=_UNPAID.search(name) is not None,
    )  # fmt: skip
    plans[name] = made
    STORE.tags[made.arn] = tag_map(asked.get("Tags"))
    return {"TrainingPlanArn": made.arn}


def describe(asked: Arguments) -> Mapping[str, Any]:
    """DescribeTrainingPlan, by name or ARN."""
    return {**_summary(existing(asked["TrainingPlanName"])), "UnhealthyInstanceCount": 0}


def _summary(plan: Plan) -> dict[str, Any]:
    status, used = plan.status(), in_use(plan)
    message = _MESSAGES.get(status)
    return {
        "TrainingPlanArn": plan.arn,
        "TrainingPlanName": plan.name,
        "Status": status,
        **({"StatusMessage": message} if message else {}),
        **offerings.duration(*plan.segments),
        "StartTime": plan.segments[0].start,
        "EndTime": plan.segments[-1].end,
        "UpfrontFee": plan.fee,
        "CurrencyCode": "USD",
        "TotalInstanceCount": plan.total,
        "AvailableInstanceCount": max(0, plan.total - used) if status == ACTIVE else 0,
        "InUseInstanceCount": used,
        "TargetResources": [plan.target],
        "ReservedCapacitySummaries": [
            _capacity(plan, number, each) for number, each in enumerate(plan.segments, start=1)
        ],
    }


def _capacity(plan: Plan, number: int, segment: Segment) -> dict[str, Any]:
    return {
        "ReservedCapacityArn": arn(f"reserved-capacity/{plan.name}-rc{number}"),
        "ReservedCapacityType": "Instance",
        "InstanceType": segment.kind,
        "TotalInstanceCount": segment.count,
        "Status": plan.status_of(segment),
        "AvailabilityZone": segment.zone,
        "AvailabilityZoneId": ec2._az_id_for_zone_name(segment.zone),
        **offerings.duration(segment),
        "StartTime": segment.start,
        "EndTime": segment.end,
    }


def list_plans(asked: Arguments) -> Mapping[str, Any]:
    """ListTrainingPlans."""
    after, before = asked.get("StartTimeAfter"), asked.get("StartTimeBefore")
    statuses = [each["Value"] for each in asked.get("Filters") or ()]
    found = [
        each
        for each in map(_summary, plans.values())
        if (after is None or each["StartTime"] > after)
        and (before is None or each["StartTime"] < before)
        and (not statuses or each["Status"] in statuses)
    ]
    key, backwards = asked.get("SortBy") or "StartTime", asked.get("SortOrder") == "Descending"
    found.sort(key=lambda each: each[key], reverse=backwards)
    some, token = page(found, asked, size="MaxResults", token="NextToken")  # noqa: S106 - a field's name
    return {"TrainingPlanSummaries": some, "NextToken": token}


HANDLERS: Mapping[str, Handler] = {
    "SearchTrainingPlanOfferings": offerings.search,
    "CreateTrainingPlan": create,
    "DescribeTrainingPlan": describe,
    "ListTrainingPlans": list_plans,
}
