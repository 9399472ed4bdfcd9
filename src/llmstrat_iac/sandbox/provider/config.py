"""The configuration of one provider instance: parsed, validated against `pulumi_aws`'s ProviderArgs, and frozen.

Credentials, profiles and roles are accepted, because a program written for AWS names them, and never used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from llmstrat_iac.sandbox.provider.schema import Scalar, provider_schema
from llmstrat_iac.sandbox.provider.validate import Failure, validate_inputs
from llmstrat_iac.sandbox.provider.values import Props, Unknown, plain

RESERVED = frozenset({"version", "pluginDownloadURL"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class ProviderConfig:
    """What of the configuration changes behaviour in the sandbox."""

    region: str
    default_tags: Mapping[str, Any] = field(default_factory=dict)
    ignore_keys: frozenset[str] = frozenset()
    ignore_prefixes: tuple[str, ...] = ()
    allowed_accounts: frozenset[str] = frozenset()
    forbidden_accounts: frozenset[str] = frozenset()

    def ignores_tag(self, key: str) -> bool:
        """Whether `ignoreTags` hides this tag."""
        return key in self.ignore_keys or key.startswith(self.ignore_prefixes or ("\0",))


def is_loopback(url: str) -> bool:
    """Whether a URL is plain HTTP(S) to this machine's loopback interface."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and (parts.hostname or "") in LOOPBACK


def expand(news: Props) -> Props:
    """Parse the values that the engine sends as JSON text (everything but strings), leaving text that isn't JSON."""
    fields = provider_schema().inputs
    result: Props = {}
    for key, value in plain(news).items():
        known = fields.get(key)
        wants_text = known is None or known.type == Scalar("str")
        result[key] = value if wants_text or not isinstance(value, str) else _parse(value)
    return result


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def check_config(news: Props) -> list[Failure]:
    """Failures of a provider's configuration (already expanded)."""
    failures = validate_inputs(
        {key: value for key, value in news.items() if key not in RESERVED}, provider_schema().inputs
    )
    if not news.get("region"):
        failures.append(Failure("region", "Missing region configuration: set aws:region or AWS_REGION"))
    for block in news.get("endpoints") or []:
        if not isinstance(block, dict):
            continue
        failures += [
            Failure(f"endpoints.{service}", "the sandbox's provider only talks to loopback addresses")
            for service, url in block.items()
            if isinstance(url, str) and not is_loopback(url)
        ]
    return failures


def parse_config(values: Props) -> ProviderConfig:
    """Freeze a checked configuration."""
    ignore = values.get("ignoreTags") or {}
    tags = values.get("defaultTags") or {}
    return ProviderConfig(
        region=str(values["region"]),
        default_tags={} if isinstance(tags, Unknown) else dict(tags.get("tags") or {}),
        ignore_keys=frozenset(ignore.get("keys") or ()),
        ignore_prefixes=tuple(ignore.get("keyPrefixes") or ()),
        allowed_accounts=frozenset(values.get("allowedAccountIds") or ()),
        forbidden_accounts=frozenset(values.get("forbiddenAccountIds") or ()),
    )
