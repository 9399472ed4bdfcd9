"""The part of the spec that every strategy has: identity, governance, limits, and the endpoint applications call."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import InitErrorDetails

from llmstrat_iac.spec.names import suggest
from llmstrat_iac.spec.problems import detail, refuse
from llmstrat_iac.spec.units import Ttl

Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9-]*$")]
Alias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]


class Closed(BaseModel):
    """A block that takes no keys but its own."""

    # Deferred: a validator for each block, besides the one for the whole file, would slow `validate` by a tenth.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class Classification(StrEnum):
    """How sensitive the data is."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Data(Closed):
    """What governance needs to know about the data."""

    classification: Classification = Field(
        description="public, internal, confidential, or restricted (must not leave the AWS account)."
    )


class Limits(Closed):
    """The brakes on time and money."""

    ttl: Ttl = Field(
        description="How long the stack may live, such as `72h` or `14d`; `never` must be said.",
        examples=["72h"],
    )
    monthly_usd: float | None = Field(
        default=None,
        gt=0,
        description="US dollars a month: an AWS budget with alerts; `plan` refuses an estimate above it.",
    )
    max_hourly_usd: float | None = Field(
        default=None, gt=0, description="US dollars an hour that the stack's fixed costs may reach."
    )


class Load(Closed):
    """The load that cost estimates are made for."""

    requests_per_month: int = Field(gt=0, description="Requests a month.")
    input_tokens: int = Field(gt=0, description="Mean prompt tokens a request.")
    output_tokens: int = Field(gt=0, description="Mean completion tokens a request.")
    seconds: float = Field(default=5.0, gt=0, le=900, description="Mean duration of a request in seconds.")


class KeyRotation(Closed):
    """Which generation of a consumer's key is current. `llmstrat keys rotate` edits this block."""

    generation: int = Field(default=1, ge=1, description="Number of the current key; a new number makes a new key.")
    previous_until: AwareDatetime | None = Field(
        default=None, description="Until when the key before still works (ISO 8601 with a zone); not at all if unset."
    )


class Consumer(Closed):
    """An application that calls the endpoint with a key of its own."""

    name: Name = Field(description="Name of the consumer: in the usage log, in budgets and in its key's name.")
    models: list[Alias] = Field(min_length=1, description="Aliases of the models that this consumer may call.")
    requests_per_second: float = Field(default=10, gt=0, le=10_000, description="Sustained request rate.")
    burst: int | None = Field(
        default=None, gt=0, le=5_000, description="Requests at once above the rate; twice the rate if unset."
    )
    requests_per_month: int | None = Field(
        default=None, gt=0, description="Requests a calendar month; unlimited if unset."
    )
    tokens_per_month: int | None = Field(
        default=None,
        gt=0,
        description="Tokens (prompt and completion) a calendar month, enforced; unlimited if unset.",
    )
    key: KeyRotation = Field(
        default_factory=KeyRotation, description="The key's generation; `llmstrat keys rotate` writes this block."
    )

    @property
    def effective_burst(self) -> int:
        """The burst that is set, else twice the rate."""
        return self.burst or max(1, math.ceil(2 * self.requests_per_second))


class UsageLog(Closed):
    """One line a request: who, which model, how many tokens, how long, what it cost."""

    retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365] = Field(
        default=30, description="Days that CloudWatch keeps the log."
    )
    prompts: bool = Field(
        default=False, description="Whether to log prompts and answers, too. They may hold personal data."
    )


class Endpoint(Closed):
    """The OpenAI-compatible endpoint; the same block for every strategy."""

    consumers: list[Consumer] = Field(
        min_length=1, description="Who may call the endpoint, each with a key of its own."
    )
    usage_log: UsageLog = Field(default_factory=UsageLog, description="What is logged of each request.")
    load: Load | None = Field(default=None, description="Expected load, for cost estimates.")
    max_concurrency: int | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="Requests served at once (Lambda reserved concurrency): a brake on spend.",
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> Endpoint:
        seen: set[str] = set()
        problems = []
        for index, consumer in enumerate(self.consumers):
            if consumer.name in seen:
                message = f"the consumer name `{consumer.name}` is used more than once"
                problems.append(detail(("consumers", index, "name"), message, "give each consumer its own name"))
            seen.add(consumer.name)
        if problems:
            refuse("Endpoint", problems)
        return self


class Backend(Closed):
    """Where Pulumi keeps the state. Unset: a local file, or what `pulumi login` or the environment has chosen."""

    url: str = Field(
        description="`file://…`, `s3://bucket/prefix?region=…`, or `login` for the backend of `pulumi login`."
    )
    secrets_provider: str | None = Field(
        default=None,
        description="Pulumi secrets provider such as `awskms://alias/llmstrat?region=us-east-1`.",
    )


class StrategySpec(Closed):
    """The common part of every spec file."""

    apiVersion: Literal["llmstrat/v1"] = Field(description="Version of this format: `llmstrat/v1`.")
    name: Annotated[str, Field(min_length=3, max_length=24, pattern=r"^[a-z][a-z0-9-]*[a-z0-9]$")] = Field(
        description="Name of the stack, 3 to 24 of a-z, 0-9 and `-`; names every resource."
    )
    strategy: str = Field(
        description="`closed-api` (A), `closed-api-tuned` (B), `open-model` (C), `from-scratch` (D), or a plugin's."
    )
    owner: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")] = Field(
        description="E-mail address of whoever answers for the stack; receives budget alerts."
    )
    environment: Annotated[str, Field(min_length=2, max_length=12, pattern=r"^[a-z][a-z0-9]*$")] = Field(
        default="dev", description="Environment such as dev, test, prod: part of the stack's name."
    )
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = Field(
        description="AWS region, such as us-east-1."
    )
    plugins: list[str] = Field(
        default_factory=list, description="Third-party plugins that this spec enables, by distribution name."
    )
    data: Data = Field(description="Governance: what data passes through.")
    limits: Limits = Field(description="Time to live and spending limits.")
    endpoint: Endpoint | None = Field(default=None, description="The OpenAI-compatible endpoint.")
    backend: Backend | None = Field(default=None, description="Where Pulumi keeps the state.")

    def offered_models(self) -> frozenset[str] | None:
        """Aliases that the endpoint serves; None if this strategy can't tell before it runs."""
        return None

    def inconsistencies(self) -> list[InitErrorDetails]:
        """What doesn't fit together across the blocks of a file whose blocks are valid."""
        offered = self.offered_models()
        if offered is None or self.endpoint is None:
            return []
        return [
            detail(
                ("endpoint", "consumers", number, "models", position),
                f"no model has the alias `{alias}`",
                suggest(alias, offered),
            )
            for number, consumer in enumerate(self.endpoint.consumers)
            for position, alias in enumerate(consumer.models)
            if alias not in offered
        ]

    @model_validator(mode="after")
    def _blocks_fit_together(self) -> StrategySpec:
        problems = self.inconsistencies()
        if problems:
            refuse(type(self).__name__, problems)
        return self
