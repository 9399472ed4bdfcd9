"""Capacity blocks: reserved GPU instances for a time, paid at once. Nothing but `buy` spends, and nothing gives back.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-blocks.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from llmstrat_iac.components.leftovers import explain, pages
from llmstrat_iac.components.names import TAG_OWNER, TAG_STACK
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec

_DAY_HOURS = 24
_WEEKLY_FROM, _LONGEST_DAYS = 14, 182
"""Blocks last 1 to 14 days, or whole weeks up to 182 days."""


@dataclass(frozen=True)
class Offering:
    """A block that AWS would sell now."""

    id: str
    instance: str
    count: int
    zone: str
    start: datetime
    end: datetime
    fee: float
    currency: str

    @property
    def hours(self) -> float:
        """How long it lasts."""
        return (self.end - self.start).total_seconds() / 3600


def block_hours(days: float) -> int:
    """The shortest block that lasts so many days. LlmstratError if there is none so long."""
    whole = max(1, math.ceil(days))
    if whole > _WEEKLY_FROM:
        whole = math.ceil(whole / 7) * 7
    if whole > _LONGEST_DAYS:
        raise LlmstratError(
            f"{days:.0f} days are more than a capacity block lasts ({_LONGEST_DAYS})",
            remedy="train on more nodes, or on a training plan or on-demand capacity",
        )
    return whole * _DAY_HOURS


def offerings(resolved: ResolvedSpec, session: AwsSession) -> tuple[Offering, ...]:
    """The blocks on sale for the spec's cluster and its planned days, the cheapest first."""
    from botocore.exceptions import BotoCoreError, ClientError

    pretraining = resolved.pretraining
    if pretraining is None:
        raise LlmstratError(
            f"`{resolved.stack_name}` has no cluster", remedy="only `strategy: from-scratch` trains on one"
        )
    plan, client = pretraining.plan, session.client("ec2")
    asked = {
        "InstanceType": plan.instance.name,
        "InstanceCount": plan.nodes + pretraining.cluster.spare_nodes,
        "CapacityDurationHours": block_hours(plan.days.high),
    }
    try:
        found = [_offering(each) for each in pages(client, "describe_capacity_block_offerings", _KEY, **asked)]
    except (BotoCoreError, ClientError) as error:
        raise LlmstratError(
            f"AWS can't be asked for capacity blocks: {explain(error)}",
            remedy="check the region and that this instance type is sold in blocks there",
        ) from error
    zone = pretraining.cluster.zone
    return tuple(sorted((each for each in found if zone in (None, each.zone)), key=lambda each: each.fee))


_KEY = "CapacityBlockOfferings"


def buy(offering: Offering, resolved: ResolvedSpec, session: AwsSession) -> str:
    """Buy the block, for good; returns the id of its reservation, for `cluster.reservation`."""
    from botocore.exceptions import BotoCoreError, ClientError

    tags = {TAG_STACK: resolved.stack_name, TAG_OWNER: resolved.spec.owner}
    try:
        bought: dict[str, Any] = session.client("ec2").purchase_capacity_block(
            CapacityBlockOfferingId=offering.id,
            InstancePlatform="Linux/UNIX",
            TagSpecifications=[
                {
                    "ResourceType": "capacity-reservation",
                    "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
                }
            ],
        )
    except (BotoCoreError, ClientError) as error:
        raise LlmstratError(
            f"AWS doesn't sell the block: {explain(error)}", remedy="`llmstrat capacity offers` shows what is left"
        ) from error
    return str(bought["CapacityReservation"]["CapacityReservationId"])


def choose(offered: tuple[Offering, ...], number: int) -> Offering:
    """The offering with this number, from 1; LlmstratError if there aren't so many now."""
    if number > len(offered):
        count = len(offered) or "none"
        raise LlmstratError(
            f"there is no offer {number} for this spec now: {count} on sale",
            remedy="`llmstrat capacity offers` shows what is; `cluster.zone` and the days of the plan narrow it",
        )
    return offered[number - 1]


def _offering(raw: dict[str, Any]) -> Offering:
    return Offering(
        id=raw["CapacityBlockOfferingId"],
        instance=raw["InstanceType"],
        count=int(raw["InstanceCount"]),
        zone=raw["AvailabilityZone"],
        start=raw["StartDate"],
        end=raw["EndDate"],
        fee=float(raw["UpfrontFee"]),
        currency=raw["CurrencyCode"],
    )
