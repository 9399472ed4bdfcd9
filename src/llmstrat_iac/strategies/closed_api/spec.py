"""The spec file of strategy A: the common part, closed models behind aliases, and an endpoint that must be there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llmstrat_iac.spec.providers import GatewaySpec


class ClosedApiSpec(GatewaySpec):
    """A whole file with `strategy: closed-api`."""

    strategy: Literal["closed-api"] = Field(description="`closed-api`, or its letter `A`.")
