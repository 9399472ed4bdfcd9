"""Where a stack is deployed: AWS, or what answers in its place. Programs take it as it is and never ask which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from llmstrat_iac.errors import LlmstratError

UPSTREAMS_VARIABLE = "LLMSTRAT_UPSTREAMS"
AHEAD_VARIABLE = "LLMSTRAT_CLOCK_AHEAD"


@dataclass(frozen=True)
class Target:
    """The AWS API and the closed vendors' APIs as a stack reaches them.

    `aws_endpoint_url` replaces every AWS service endpoint, `upstreams` maps a provider's name to the base URL that
    replaces the vendor's own; both are empty on AWS. Its clock may be `ahead` of ours, on AWS it never is.
    """

    aws_endpoint_url: str | None = None
    upstreams: Mapping[str, str] = field(default_factory=dict)
    ahead: timedelta = timedelta()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Target:
        """Read the target from `AWS_ENDPOINT_URL`, `LLMSTRAT_UPSTREAMS` (a JSON object of name to base URL), and, only
        where an endpoint is set, `LLMSTRAT_CLOCK_AHEAD` (seconds)."""
        raw = environment.get(UPSTREAMS_VARIABLE, "{}")
        try:
            upstreams = json.loads(raw)
        except ValueError as error:
            raise LlmstratError(
                f"{UPSTREAMS_VARIABLE}: not valid JSON: `{raw}`",
                remedy='unset it, or give an object such as {"openai": "http://127.0.0.1:8080/v1"}',
            ) from error
        if not isinstance(upstreams, dict) or not all(isinstance(url, str) for url in upstreams.values()):
            raise LlmstratError(
                f"{UPSTREAMS_VARIABLE}: must be a JSON object of provider name to base URL, not `{raw}`",
                remedy='give an object such as {"openai": "http://127.0.0.1:8080/v1"}',
            )
        endpoint = environment.get("AWS_ENDPOINT_URL") or None
        return cls(endpoint, upstreams, _ahead(environment) if endpoint else timedelta())

    def now(self) -> datetime:
        """The target's time in UTC, by which stacks expire."""
        return datetime.now(UTC) + self.ahead


def _ahead(environment: Mapping[str, str]) -> timedelta:
    text = environment.get(AHEAD_VARIABLE) or "0"
    try:
        return timedelta(seconds=float(text))
    except (ValueError, OverflowError) as error:
        raise LlmstratError(
            f"{AHEAD_VARIABLE}: not a number of seconds: `{text}`", remedy="unset it, or ask `llmstrat sandbox env`"
        ) from error
