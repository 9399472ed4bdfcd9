"""Training plans on offer, at a made-up price: up to three, in one or two segments, as SageMaker searches.

The first begins at once, so that a sandbox can use what it buys; all end at 11:30 UTC.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_region

from llmstrat_iac.catalog.instances import find_instance
from llmstrat_iac.sandbox.emulator.compute.instance_types import offered
from llmstrat_iac.sandbox.emulator.quotas.limits import exceeded, limit, reserved_quota
from llmstrat_iac.sandbox.emulator.training_plans.store import CLUSTERS, EXPIRED, JOBS, Segment, now, plans
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.jobs import job_seconds

# https://docs.aws.amazon.com/sagemaker/latest/dg/search-training-plan-offerings-api-cli-sdk.html: durations are
# rounded up to days, 182 at most; 1, 2, 4, … 64 instances.
_MOST_DAYS, _COUNTS = 182, (1, 2, 4, 8, 16, 32, 64)
_ULTRA = "ml.p6e-gb200.36xlarge"
"""Only sold in UltraServers, of which none is on offer here."""
_USD_PER_GPU_HOUR = 4.0
_SOON = 0.5
"""Of a job's time, until the first begins: AWS says half an hour."""


@dataclass(frozen=True)
class Offering:
    """What would be reserved, for `target`."""

    id: str
    target: str
    segments: tuple[Segment, ...]
    fee: str


_offerings = AccountRegionScopedDict()


def search(asked: Arguments) -> Mapping[str, Any]:
    """SearchTrainingPlanOfferings: nothing, where AWS would have nothing, extensions and UltraServers among it."""
    if asked.get("TrainingPlanArn"):
        return {"TrainingPlanOfferings": [], "TrainingPlanExtensionOfferings": []}
    if asked.get("UltraServerType"):
        return {"TrainingPlanOfferings": []}
    kind, count, days = asked.get("InstanceType"), asked.get("InstanceCount"), _days(asked)
    if not kind or count not in _COUNTS:
        given = f"InstanceType {kind}, InstanceCount {count}"
        raise ApiError("ValidationException", f"{given}: a type is required, and 1, 2, 4, 8, 16, 32 or 64 of it.")
    check_quota(kind, count)
    instance = find_instance(kind)
    if instance is None or kind == _ULTRA:
        return {"TrainingPlanOfferings": []}
    made = [
        _offering(segments, target, instance.accelerators)
        for target in asked.get("TargetResources") or [JOBS]
        if target in (JOBS, CLUSTERS)
        for segments in _choices(kind, count, days, target)
        if _within(asked, segments)
    ]
    for each in made:
        _offerings[each.id] = each
    return {"TrainingPlanOfferings": [_shown(each, asked) for each in made]}


def _days(asked: Arguments) -> int:
    hours = asked.get("DurationHours")
    if hours is None or hours > 24 * _MOST_DAYS:
        raise ApiError("ValidationException", f"DurationHours is required, and at most {24 * _MOST_DAYS}.")
    return -(-int(hours) // 24)


def check_quota(kind: str, more: int) -> None:
    """Refuse more instances than the account may reserve beside those of its other plans."""
    quota = reserved_quota(kind)
    used = sum(each.total for each in plans.values() if each.kind == kind and each.status() != EXPIRED)
    most = limit("sagemaker", quota)
    if most is not None and used + more > most:
        raise ApiError("ResourceLimitExceeded", exceeded(quota, most, used, more))


def _choices(kind: str, count: int, days: int, target: str) -> Iterator[tuple[Segment, ...]]:
    """Soon, from tomorrow, and in two parts with a gap, which for jobs may be in two zones."""
    today = datetime.fromtimestamp(now(), UTC)
    zones = [zone for letter in "abc" if offered(kind.removeprefix("ml."), zone := f"{get_region()}{letter}")]
    first, second = zones[0], zones[-1]
    morning = today.replace(hour=11, minute=30, second=0, microsecond=0)
    soon = today + timedelta(seconds=_SOON * job_seconds())
    wait = 0 if soon <= morning else 1  # days until the last day can end
    yield (_segment(kind, count, first, soon, morning + timedelta(days=wait + days)),)
    tomorrow = morning + timedelta(days=1)
    yield (_segment(kind, count, second, tomorrow, tomorrow + timedelta(days=days)),)
    if days > 1:
        half = tomorrow + timedelta(days=days // 2)
        later = half + timedelta(days=1)
        yield (
            _segment(kind, count, second, tomorrow, half),
            _segment(kind, count, first if target == JOBS else second, later, later + timedelta(days=days - days // 2)),
        )


def _segment(kind: str, count: int, zone: str, start: datetime, end: datetime) -> Segment:
    return Segment(kind, count, zone, start.timestamp(), end.timestamp())


def _within(asked: Arguments, segments: tuple[Segment, ...]) -> bool:
    after, before = asked.get("StartTimeAfter"), asked.get("EndTimeBefore")
    return (after is None or segments[0].start >= after) and (before is None or segments[-1].end <= before)


def _offering(segments: tuple[Segment, ...], target: str, gpus: int) -> Offering:
    # By started hours, so that the sum is the same a moment later, when it is typed.
    hours = math.ceil(sum(each.end - each.start for each in segments) / 3600)
    digest = hashlib.sha256(repr((segments, target)).encode()).hexdigest()
    return Offering(f"tpo-{digest}", target, segments, f"{_USD_PER_GPU_HOUR * gpus * segments[0].count * hours:.2f}")


def duration(*segments: Segment) -> dict[str, int]:
    """Whole hours, and the minutes beyond."""
    hours, minutes = divmod(int(sum(each.end - each.start for each in segments)) // 60, 60)
    return {"DurationHours": hours, "DurationMinutes": minutes}


def _shown(offering: Offering, asked: Arguments) -> dict[str, Any]:
    bounds = {
        "RequestedStartTimeAfter": asked.get("StartTimeAfter"), "RequestedEndTimeBefore": asked.get("EndTimeBefore"),
    }  # fmt: skip
    return {
        "TrainingPlanOfferingId": offering.id,
        "TargetResources": [offering.target],
        **{key: value for key, value in bounds.items() if value is not None},
        **duration(*offering.segments),
        "UpfrontFee": offering.fee,
        "CurrencyCode": "USD",
        "ReservedCapacityOfferings": [
            {
                "ReservedCapacityType": "Instance",
                "InstanceType": each.kind,
                "InstanceCount": each.count,
                "AvailabilityZone": each.zone,
                **duration(each),
                "StartTime": each.start,
                "EndTime": each.end,
            }
            for each in offering.segments
        ],
    }


def take(offering_id: str) -> Offering:
    """Take an offering off sale; an ApiError if it isn't on it."""
    found: Offering | None = _offerings.get(offering_id)
    if found is None:
        message = f"The requested training plan offering {offering_id} was not found or has expired."
        raise ApiError("ResourceNotFound", message)
    del _offerings[offering_id]
    return found
