"""Capacity blocks: GPU instances of EC2, reserved for a time and paid at once. Only `buy` spends, nothing gives back.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-blocks.html
"""

from __future__ import annotations

import math
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from llmstrat_iac.components.leftovers import explain, pages
from llmstrat_iac.components.names import TAG_OWNER, TAG_STACK
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.pretraining.capacity import Offering

_DAY_HOURS = 24
_WEEKLY_FROM, _LONGEST_DAYS = 14, 182
"""Blocks last 1 to 14 days, or whole weeks up to 182 days."""
_KEY = "CapacityBlockOfferings"


def block_hours(days: float) -> int:
    """The shortest block that lasts so many days. LlmstratError if there is none so long."""
    whole = max(1, math.ceil(days))
    if whole > _WEEKLY_FROM:
        whole = math.ceil(whole / 7) * 7
    if whole > _LONGEST_DAYS:
        raise LlmstratError(
            f"{days:.0f} days are more than a capacity block lasts ({_LONGEST_DAYS})",
            remedy="train on more nodes, or on on-demand capacity",
        )
    return whole * _DAY_HOURS


class CapacityBlocks:
    """Those for a spec's cluster; see `CapacityMarket`."""

    def __init__(self, resolved: ResolvedSpec, session: AwsSession) -> None:
        self._resolved, self._client = resolved, session.client("ec2")

    def offerings(self) -> tuple[Offering, ...]:
        """In the cluster's zone, as long as the plan may take."""
        pretraining = self._resolved.pretraining
        assert pretraining is not None, "only asked for specs with `cluster:`"
        plan = pretraining.plan
        asked = {
            "InstanceType": plan.instance.name,
            "InstanceCount": plan.nodes + pretraining.cluster.spare_nodes,
            "CapacityDurationHours": block_hours(plan.days.high),
        }
        try:
            found = [
                _offering(each) for each in pages(self._client, "describe_capacity_block_offerings", _KEY, **asked)
            ]
        except (BotoCoreError, ClientError) as error:
            raise LlmstratError(
                f"AWS can't be asked for capacity blocks: {explain(error)}",
                remedy="check the region and that this instance type is sold in blocks there",
            ) from error
        return tuple(each for each in found if pretraining.cluster.zone in (None, each.zone))

    def buy(self, offering: Offering) -> str:
        """Returns the id of its reservation."""
        tags = {TAG_STACK: self._resolved.stack_name, TAG_OWNER: self._resolved.spec.owner}
        specification = {
            "ResourceType": "capacity-reservation",
            "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
        }
        try:
            bought: dict[str, Any] = self._client.purchase_capacity_block(
                CapacityBlockOfferingId=offering.id,
                InstancePlatform="Linux/UNIX",
                TagSpecifications=[specification],
            )
        except (BotoCoreError, ClientError) as error:
            raise LlmstratError(
                f"AWS doesn't sell the block: {explain(error)}", remedy="`llmstrat capacity offers` shows what is left"
            ) from error
        return str(bought["CapacityReservation"]["CapacityReservationId"])

    def is_paid(self, reservation: str) -> bool:
        """As its state says."""
        try:
            told = self._client.describe_capacity_reservations(CapacityReservationIds=[reservation])
        except (BotoCoreError, ClientError) as error:
            raise LlmstratError(
                f"`{reservation}` is bought, but AWS doesn't say whether it is paid: {explain(error)}",
                remedy="`aws ec2 describe-capacity-reservations` shows its state",
            ) from error
        state = told["CapacityReservations"][0]["State"]
        if state in ("failed", "payment-failed"):
            raise LlmstratError(
                f"`{reservation}` is {state}: it reserves nothing",
                remedy="look into the account's payment method, then `llmstrat capacity offers` again",
            )
        return bool(state != "payment-pending")


def _offering(raw: dict[str, Any]) -> Offering:
    start, end = raw["StartDate"], raw["EndDate"]
    return Offering(
        id=raw["CapacityBlockOfferingId"],
        product="capacity-block",
        instance=raw["InstanceType"],
        count=int(raw["InstanceCount"]),
        zone=raw["AvailabilityZone"],
        start=start,
        end=end,
        hours=(end - start).total_seconds() / 3600,
        parts=1,
        fee=float(raw["UpfrontFee"]),
        currency=raw["CurrencyCode"],
    )
