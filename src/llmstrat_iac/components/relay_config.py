"""Renders the relay's two files: `relay.json` (models, providers, limits) and `consumers.json` (key digests)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from llmstrat_iac.components.gateway_args import ConsumerArgs, GatewayArgs, ProviderArgs

_VERSION = 1


@dataclass(frozen=True)
class KeyDigest:
    """A live key by its SHA-256."""

    sha256: str
    consumer: str
    not_after: datetime | None


def relay_json(args: GatewayArgs, secret_arns: Mapping[str, str], budget_table: str | None) -> str:
    """The relay's configuration; `secret_arns` maps providers to the ARN or name of their secret."""
    return _dumps(
        {
            "version": _VERSION,
            "stack": args.prefix,
            "consumers": {consumer.name: _consumer(consumer) for consumer in args.consumers},
            "models": {alias: [asdict(route) for route in routes] for alias, routes in args.models.items()},
            "providers": {
                name: _provider(provider, args.region, secret_arns.get(name))
                for name, provider in args.providers.items()
            },
            "budget_table": budget_table,
            "log_prompts": args.log_prompts,
            "keepalive_seconds": args.keepalive_seconds,
        }
    )


def consumers_json(digests: Iterable[KeyDigest]) -> str:
    """The authorizer's key ring."""
    keys = {digest.sha256: {"consumer": digest.consumer, "not_after": _moment(digest.not_after)} for digest in digests}
    return _dumps({"version": _VERSION, "keys": keys})


def _consumer(consumer: ConsumerArgs) -> dict[str, Any]:
    return {"models": sorted(consumer.models), "tokens_per_month": consumer.tokens_per_month}


def _provider(provider: ProviderArgs, region: str, secret_arn: str | None) -> dict[str, Any]:
    return {
        "wire": provider.wire,
        "base_url": provider.base_url,
        "auth": provider.auth,
        "region": region if provider.auth == "sigv4" else None,
        "secret_arn": secret_arn,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dumps(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
