"""The physical names of a gateway's resources, for the program that creates them and the sweep that finds them.

Names are deterministic so that what Pulumi's state has lost can still be found; nothing here touches AWS or Pulumi.
"""

from __future__ import annotations

from dataclasses import dataclass

TAG_STACK = "llmstrat:stack"
TAG_OWNER = "llmstrat:owner"
TAG_STRATEGY = "llmstrat:strategy"
TAG_EXPIRES = "llmstrat:expires"
TAG_SERVES = "llmstrat:serves"
"""On instances that serve a model: the port of the engine, whose arguments are the shell array `vllm_arguments` of
their user data."""
TAG_NODES = "llmstrat:nodes"
"""On a cluster's instances: how many train together. Another number needs all of them to start anew."""

STAGE = "v1"
"""Stage of the REST API, so that its invoke URL ends like every OpenAI-compatible base URL."""

ACCOUNT_LOG_ROLE = "llmstrat-apigateway-logs"
ACCOUNT_ROLE_PATH = "/llmstrat/"
"""Account-wide, shared by all stacks of a region and never deleted; a stack's own roles are one level below."""


@dataclass(frozen=True)
class GatewayNames:
    """Names for one gateway; `prefix` is the stack's name and unique within account and region."""

    prefix: str

    @property
    def api(self) -> str:
        return self.prefix

    @property
    def relay(self) -> str:
        return f"{self.prefix}-relay"

    @property
    def authorizer(self) -> str:
        return f"{self.prefix}-authorizer"

    @property
    def functions(self) -> tuple[str, str]:
        return self.relay, self.authorizer

    @property
    def log_prefix(self) -> str:
        return f"/llmstrat/{self.prefix}/"

    @property
    def relay_log(self) -> str:
        return f"{self.log_prefix}relay"

    @property
    def authorizer_log(self) -> str:
        return f"{self.log_prefix}authorizer"

    @property
    def access_log(self) -> str:
        return f"{self.log_prefix}access"

    @property
    def budget_table(self) -> str:
        return f"{self.prefix}-token-budget"

    @property
    def role_path(self) -> str:
        return f"{ACCOUNT_ROLE_PATH}{self.prefix}/"

    @property
    def expiry_role(self) -> str:
        return f"{self.prefix}-expiry"

    @property
    def schedule_group(self) -> str:
        return self.prefix

    @property
    def expiry_schedule(self) -> str:
        return f"{self.prefix}-stop-relay"

    @property
    def topic(self) -> str:
        return f"{self.prefix}-alarms"

    @property
    def alarms(self) -> tuple[str, str, str]:
        return tuple(f"{self.prefix}-{alarm}" for alarm in ("relay-errors", "relay-throttles", "api-5xx"))  # type: ignore[return-value]

    @property
    def monthly_budget(self) -> str:
        return self.prefix

    def secret(self, provider: str) -> str:
        return f"{self.prefix}-{provider}-api-key"

    def api_key(self, consumer: str, generation: int) -> str:
        return f"{self.prefix}-{consumer}-{generation}"
