"""Who may call: a generated key a consumer, and one usage plan for all consumers with the same limits.

A plan a consumer would be slow (UpdateUsagePlan: one in 20 s) and soon impossible (300 plans a region). What grows with
the consumers is exactly three resources each: the key, API Gateway's copy of it, its place in a plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.consumer_key import ConsumerKey
from llmstrat_iac.components.gateway_args import ConsumerArgs
from llmstrat_iac.components.names import GatewayNames
from llmstrat_iac.components.relay_config import KeyDigest, consumers_json
from llmstrat_iac.components.rest_api import RestApi


@dataclass(frozen=True)
class Tier:
    """The limits that consumers share a usage plan by."""

    requests_per_second: float
    burst: int
    requests_per_month: int | None

    @classmethod
    def of(cls, consumer: ConsumerArgs) -> Tier:
        """The tier that a consumer belongs to."""
        return cls(consumer.requests_per_second, consumer.burst, consumer.requests_per_month)

    @property
    def slug(self) -> str:
        """Part of the plan's name: other limits are another plan."""
        quota = "unlimited" if self.requests_per_month is None else str(self.requests_per_month)
        return f"{self.requests_per_second:g}rps-{self.burst}burst-{quota}"


@dataclass(frozen=True)
class LiveKey:
    """One generation of a consumer's key that works now."""

    consumer: ConsumerArgs
    generation: int
    not_after: datetime | None
    key: ConsumerKey


def create_keys(name: str, consumers: Sequence[ConsumerArgs], opts: pulumi.ResourceOptions) -> list[LiveKey]:
    """Every consumer's current key and, during a rotation, the one before."""
    live = []
    for consumer in consumers:
        generations: list[tuple[int, datetime | None]] = [(consumer.key_generation, None)]
        if consumer.previous_key_until is not None and consumer.key_generation > 1:
            generations.append((consumer.key_generation - 1, consumer.previous_key_until))
        for generation, not_after in generations:
            key = ConsumerKey(
                f"{name}-{consumer.name}-{generation}", consumer=consumer.name, generation=generation, opts=opts
            )
            live.append(LiveKey(consumer, generation, not_after, key))
    return live


def key_ring(live: Sequence[LiveKey]) -> pulumi.Output[str]:
    """`consumers.json`: the digests that the authorizer knows."""
    owners = [(each.consumer.name, each.not_after) for each in live]
    return pulumi.Output.all(*(each.key.sha256 for each in live)).apply(
        lambda digests: consumers_json(
            KeyDigest(digest, consumer, not_after)
            for digest, (consumer, not_after) in zip(digests, owners, strict=True)
        )
    )


def current_keys(live: Sequence[LiveKey]) -> pulumi.Output[dict[str, str]]:
    """Consumer to current key; a Pulumi secret."""
    keys = {each.consumer.name: each.key.value for each in live if each.not_after is None}
    return pulumi.Output.secret(pulumi.Output.all(**keys))


def create_plans(
    name: str, names: GatewayNames, live: Sequence[LiveKey], api: RestApi, opts: pulumi.ResourceOptions
) -> None:
    """The usage plans, and each live key's place in one."""
    plans: dict[Tier, aws.apigateway.UsagePlan] = {}
    for each in live:
        tier = Tier.of(each.consumer)
        if tier not in plans:
            plans[tier] = _plan(name, names, tier, api, opts)
        _enrol(name, names, each, plans[tier], opts)


def _plan(
    name: str, names: GatewayNames, tier: Tier, api: RestApi, opts: pulumi.ResourceOptions
) -> aws.apigateway.UsagePlan:
    quota = tier.requests_per_month
    return aws.apigateway.UsagePlan(
        f"{name}-{tier.slug}",
        aws.apigateway.UsagePlanArgs(
            name=f"{names.prefix}-{tier.slug}",
            api_stages=[aws.apigateway.UsagePlanApiStageArgs(api_id=api.api.id, stage=api.stage.stage_name)],
            throttle_settings=aws.apigateway.UsagePlanThrottleSettingsArgs(
                rate_limit=tier.requests_per_second, burst_limit=tier.burst
            ),
            quota_settings=None
            if quota is None
            else aws.apigateway.UsagePlanQuotaSettingsArgs(limit=quota, period="MONTH"),
        ),
        opts=opts,
    )


def _enrol(
    name: str, names: GatewayNames, live: LiveKey, plan: aws.apigateway.UsagePlan, opts: pulumi.ResourceOptions
) -> None:
    logical_name = f"{name}-{live.consumer.name}-{live.generation}"
    api_key = aws.apigateway.ApiKey(
        logical_name,
        aws.apigateway.ApiKeyArgs(
            name=names.api_key(live.consumer.name, live.generation),
            description=f"Consumer {live.consumer.name}, generation {live.generation}",
            value=live.key.value,
        ),
        opts=opts,
    )
    aws.apigateway.UsagePlanKey(
        logical_name,
        aws.apigateway.UsagePlanKeyArgs(key_id=api_key.id, key_type="API_KEY", usage_plan_id=plan.id),
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                # The provider returns the key's value here, too, and doesn't mark it.
                additional_secret_outputs=["value"],
                # A key can be in one plan a stage only, so the old place goes before the new one comes.
                delete_before_replace=True,
            ),
        ),
    )
