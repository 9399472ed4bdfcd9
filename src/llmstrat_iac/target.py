"""Where a stack is deployed: AWS, or what answers in its place. Programs take it as it is and never ask which."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from llmstrat_iac.errors import LlmstratError

UPSTREAMS_VARIABLE = "LLMSTRAT_UPSTREAMS"


@dataclass(frozen=True)
class Target:
    """The AWS API and the closed vendors' APIs as a stack reaches them.

    `aws_endpoint_url` replaces every AWS service endpoint, `upstreams` maps a provider's name to the base URL that
    replaces the vendor's own; both are empty on AWS.
    """

    aws_endpoint_url: str | None = None
    upstreams: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Target:
        """Read the target from `AWS_ENDPOINT_URL` and `LLMSTRAT_UPSTREAMS` (a JSON object of name to base URL)."""
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
        return cls(aws_endpoint_url=environment.get("AWS_ENDPOINT_URL") or None, upstreams=upstreams)
