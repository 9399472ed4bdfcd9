"""Who may call: a key for each consumer, and one usage plan for all consumers with the same limits.

A plan for each consumer would be slow (UpdateUsagePlan: one in 20 s) and soon impossible (300 plans a region).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pulumi
import pulumi_aws as aws

from llmstrat_iac.components.consumer_keys import ConsumerKeys
from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs
from llmstrat_iac.components.key_seed import KeySeed, derive_key, digest_of
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

    def value(self, seed: str) -> str:
        """The key itself."""
        return derive_key(seed, self.consumer.name, self.generation)


def live_keys(consumers: Sequence[ConsumerArgs]) -> list[LiveKey]:
    """Every consumer's current key and, during a rotation, the one before."""
    live = []
    for consumer in consumers:
        live.append(LiveKey(consumer, consumer.key_generation, None))
        if consumer.previous_key_until is not None and consumer.key_generation > 1:
            live.append(LiveKey(consumer, consumer.key_generation - 1, consumer.previous_key_until))
    return live


def key_ring(live: Sequence[LiveKey], seed: KeySeed) -> pulumi.Output[str]:
    """`consumers.json`: the digests that the authorizer knows. Digests are no secrets, so neither is the file."""

    def render(known: str) -> str:
        return consumers_json(
            KeyDigest(digest_of(each.value(known)), each.consumer.name, each.not_after) for each in live
        )

    return pulumi.Output.unsecret(seed.value.apply(render))


def current_keys(live: Sequence[LiveKey], seed: KeySeed) -> pulumi.Output[dict[str, str]]:
    """Consumer to current key; a Pulumi secret."""

    def derive(known: str) -> dict[str, str]:
        return {each.consumer.name: each.value(known) for each in live if each.not_after is None}

    derived: pulumi.Output[dict[str, str]] = seed.value.apply(derive)
    return pulumi.Output.secret(derived)


def create_plans(
    name: str,
    args: GatewayArgs,
    live: Sequence[LiveKey],
    *,
    seed: KeySeed,
    api: RestApi,
    opts: pulumi.ResourceOptions,
) -> None:
    """The usage plans, and all live keys with their places in them."""
    names = GatewayNames(args.prefix)
    tiers = dict.fromkeys(Tier.of(each.consumer) for each in live)
    plans = {tier: _plan(name, names, tier, api, opts) for tier in tiers}
    keys = {
        names.api_key(each.consumer.name, each.generation): {
            "consumer": each.consumer.name,
            "generation": each.generation,
            "usage_plan_id": plans[Tier.of(each.consumer)].id,
        }
        for each in live
    }
    ConsumerKeys(name, seed=seed.value, keys=keys, region=args.region, tags=args.tags, opts=opts)


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
