"""SageMaker's training plans: reserved instances for jobs or for clusters, paid at once. Nothing but `buy` spends, and
nothing gives back.

https://docs.aws.amazon.com/sagemaker/latest/dg/reserve-capacity-with-training-plans.html
"""

from __future__ import annotations

import hashlib
import math
from datetime import timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from llmstrat_iac.components.leftovers import explain
from llmstrat_iac.components.names import TAG_OWNER, TAG_STACK
from llmstrat_iac.components.sagemaker.shape import instance_name
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.pretraining.capacity import Offering

JOBS, CLUSTERS = "training-job", "hyperpod-cluster"
"""What a plan is for: one for jobs can't be used by clusters."""
_LONGEST_DAYS, _MOST_INSTANCES = 182, 64
LEAD = {JOBS: timedelta(minutes=30), CLUSTERS: timedelta(hours=1)}
"""How long before the end SageMaker begins to take the instances away."""
_NAME_LENGTH = 64
_OFFERS = "`llmstrat capacity offers` shows what is on sale"


def jobs_market(resolved: ResolvedSpec, session: AwsSession) -> TrainingPlans:
    """Plans for the spec's training job."""
    return TrainingPlans(resolved, session, JOBS)


def clusters_market(resolved: ResolvedSpec, session: AwsSession) -> TrainingPlans:
    """Plans for the workers of the spec's HyperPod cluster."""
    return TrainingPlans(resolved, session, CLUSTERS)


def plan_size(nodes: int) -> int:
    """The smallest number of instances on sale that is enough: a power of two. LlmstratError if none is."""
    if nodes > _MOST_INSTANCES:
        raise LlmstratError(
            f"{nodes} instances are more than a training plan reserves ({_MOST_INSTANCES})",
            remedy="take larger instances, or on-demand capacity, or ask AWS",
        )
    return 1 << (nodes - 1).bit_length()


def plan_hours(days: float, target: str) -> int:
    """The shortest plan in which so many days can be used. LlmstratError if there is none so long."""
    whole = math.ceil((timedelta(days=days) + LEAD[target]) / timedelta(days=1))
    if whole > _LONGEST_DAYS:
        raise LlmstratError(
            f"{days:.0f} days are more than a training plan lasts ({_LONGEST_DAYS})",
            remedy="train on more nodes, or on on-demand capacity",
        )
    return whole * 24


class TrainingPlans:
    """Those for a spec's cluster; see `CapacityMarket`."""

    def __init__(self, resolved: ResolvedSpec, session: AwsSession, target: str) -> None:
        self._resolved, self._client, self._target = resolved, session.client("sagemaker"), target

    def offerings(self) -> tuple[Offering, ...]:
        """In the cluster's zone, all parts in one, as long as the plan may take."""
        pretraining = self._resolved.pretraining
        assert pretraining is not None, "only asked for specs with `cluster:`"
        plan = pretraining.plan
        try:
            found = self._client.search_training_plan_offerings(
                InstanceType=instance_name(plan.instance.name),
                InstanceCount=plan_size(plan.nodes + pretraining.cluster.spare_nodes),
                DurationHours=plan_hours(plan.days.high, self._target),
                TargetResources=[self._target],
            )["TrainingPlanOfferings"]
        except (BotoCoreError, ClientError) as error:
            raise LlmstratError(
                f"SageMaker can't be asked for training plans: {explain(error)}",
                remedy="check the region, that this instance type is sold in plans, and the quota `Number of "
                f"{instance_name(plan.instance.name)} instances in reserved capacity across training plans per Region`",
            ) from error
        # Network and file system of a cluster are in one zone.
        usable = (each for raw in found for each in _offerings(raw))
        return tuple(each for each in usable if pretraining.cluster.zone in (None, each.zone))

    def buy(self, offering: Offering) -> str:
        """Returns the plan's ARN. Its name is made of the offering's id, so that a call that is repeated buys once."""
        tags = {TAG_STACK: self._resolved.stack_name, TAG_OWNER: self._resolved.spec.owner}
        tail = hashlib.sha256(offering.id.encode()).hexdigest()[:8]
        name = f"{self._resolved.stack_name[: _NAME_LENGTH - len(tail) - 1].strip('-')}-{tail}"
        try:
            made = self._client.create_training_plan(
                TrainingPlanName=name,
                TrainingPlanOfferingId=offering.id,
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )
        except (BotoCoreError, ClientError) as error:
            raise LlmstratError(
                f"SageMaker doesn't sell the plan: {explain(error)}",
                remedy=f"{_OFFERS}; `aws sagemaker list-training-plans` shows what you have",
            ) from error
        return str(made["TrainingPlanArn"])

    def is_paid(self, reservation: str) -> bool:
        """As its status says."""
        try:
            plan = self._client.describe_training_plan(TrainingPlanName=reservation)
        except (BotoCoreError, ClientError) as error:
            raise LlmstratError(
                f"`{reservation}` is bought, but SageMaker doesn't say whether it is paid: {explain(error)}",
                remedy="`aws sagemaker list-training-plans` shows its status",
            ) from error
        if plan["Status"] == "Failed":
            raise LlmstratError(
                f"`{reservation}` is Failed: {plan.get('StatusMessage') or 'it reserves nothing'}",
                remedy=f"look into the account's payment method; {_OFFERS}",
            )
        return bool(plan["Status"] != "Pending")


def _offerings(raw: dict[str, Any]) -> list[Offering]:
    """One, or none if its parts are in several zones."""
    parts: list[dict[str, Any]] = raw.get("ReservedCapacityOfferings") or []
    if len({each.get("AvailabilityZone") for each in parts}) != 1:
        return []
    return [
        Offering(
            id=raw["TrainingPlanOfferingId"],
            product="training-plan",
            instance=parts[0]["InstanceType"],
            count=int(parts[0]["InstanceCount"]),
            zone=parts[0]["AvailabilityZone"],
            start=min(each["StartTime"] for each in parts),
            end=max(each["EndTime"] for each in parts),
            hours=sum((each["EndTime"] - each["StartTime"]).total_seconds() for each in parts) / 3600,
            parts=len(parts),
            fee=float(raw["UpfrontFee"]),
            currency=raw["CurrencyCode"],
        )
    ]
