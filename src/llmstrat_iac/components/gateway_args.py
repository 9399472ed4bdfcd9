"""What a gateway is told: plain values and Pulumi inputs, no spec and no plugin, so that any program can write it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pulumi


@dataclass(frozen=True)
class ConsumerArgs:
    """An application with a key of its own."""

    name: str
    models: Sequence[str]
    """Aliases that it may call."""
    requests_per_second: float
    burst: int
    requests_per_month: int | None = None
    tokens_per_month: int | None = None
    key_generation: int = 1
    previous_key_until: datetime | None = None
    """Until when the key of the generation before still works; it doesn't exist if unset."""


@dataclass(frozen=True)
class RouteArgs:
    """One way to serve an alias. Prices in US dollars per million tokens; None is unknown, never zero."""

    provider: str
    model: pulumi.Input[str]
    usd_per_mtok_input: float | None = None
    usd_per_mtok_output: float | None = None


@dataclass(frozen=True)
class PermissionArgs:
    """IAM actions that the relay needs for a provider; `{partition}`, `{region}`, `{account}` in ARNs are filled in."""

    actions: Sequence[str]
    resources: Sequence[str | pulumi.Output[str]]


@dataclass(frozen=True)
class ProviderArgs:
    """A model vendor as the relay reaches it. At most one of `api_key`, `existing_secret` and `key_of` is given."""

    wire: str
    """`openai`, `bedrock-converse` or `sagemaker`."""
    auth: str
    """`bearer`, `google` (access tokens from a service account's key), `sigv4` or `none`."""
    base_url: pulumi.Input[str] | None = None
    """Up to and including the version; with `sagemaker`, up to and including `/endpoints/NAME`, and then
    `?inference-component=NAME` if the endpoint has them."""
    api_key: pulumi.Input[str] | None = None
    """Uploaded to a secret of the stack's own; always treated as a Pulumi secret."""
    existing_secret: str | None = None
    """Name of a Secrets Manager secret that is there already; its value is never read here."""
    key_of: str | None = None
    """Another provider whose uploaded key it uses."""
    permissions: Sequence[PermissionArgs] = ()


@dataclass(frozen=True)
class GatewayArgs:
    """A gateway: who may call, which models, through which vendors, within which limits."""

    prefix: str
    """Stack name: at most 37 of a-z, 0-9 and `-`, unique in account and region; starts every physical name."""
    region: str
    owner: pulumi.Input[str]
    """E-mail address that alarms and budget alerts go to."""
    consumers: Sequence[ConsumerArgs]
    models: Mapping[str, Sequence[RouteArgs]]
    """Alias to its routes, in the order in which they are tried."""
    providers: Mapping[str, ProviderArgs]
    expires: datetime | None
    """When the relay is stopped from inside the account; None for never."""
    log_retention_days: int
    log_prompts: bool = False
    monthly_usd: float | None = None
    """AWS budget with alerts; none if unset."""
    max_concurrency: int | None = None
    """Reserved concurrency of the relay; the account's own limit if unset."""
    relay_memory_mb: int = 512
    keepalive_seconds: float = 15
    tags: Mapping[str, str] = field(default_factory=dict)
    """The stack's tags, for the consumers' keys, which the AWS provider's default tags don't reach."""
