"""The `serving:` block: which engine serves an open model, where, on how many instances, and for whom it is sized."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from llmstrat_iac.spec.common import Alias, Closed, Name
from llmstrat_iac.spec.cron import Cron
from llmstrat_iac.spec.open_model import AdapterBlock
from llmstrat_iac.spec.problems import detail, refuse

Quantization = Literal["none", "fp8", "awq", "gptq", "bitsandbytes"]


class Replicas(Closed):
    """The least and the most instances."""

    min: int = Field(default=1, ge=0, le=100, description="At least this many; 0 only where the runtime can wake up.")
    max: int = Field(default=1, ge=1, le=100, description="At most this many.")

    @model_validator(mode="after")
    def _in_order(self) -> Replicas:
        if self.min > self.max:
            refuse("Replicas", [detail(("min",), f"{self.min} is above `max`, {self.max}", "swap or raise them")])
        return self


class Scaling(Closed):
    """When replicas are added: on what the engine itself measures, since GPUs look busy long before they are full."""

    waiting_requests: float = Field(default=4, gt=0, description="Requests waiting a replica that one more is for.")
    kv_cache_percent: float = Field(default=85, gt=0, le=100, description="Share of the KV cache in use, a replica.")


class Hours(Closed):
    """When the fleet runs; outside of it there are no instances and calls fail or fall back."""

    start: Cron = Field(description="Cron expression (five fields) at which the fleet starts, such as `0 7 * * 1-5`.")
    stop: Cron = Field(description="Cron expression at which it stops.")
    timezone: str = Field(default="UTC", description="IANA time zone of both, such as `Europe/Berlin`.")
    hours_per_week: float = Field(gt=0, le=168, description="Hours a week that it runs, for the cost estimate.")

    @property
    def share(self) -> float:
        """Of the week that it runs, 0 to 1."""
        return self.hours_per_week / 168

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        # Only specs with hours need the database; a system without one can't tell, and lets the scheduler judge.
        from zoneinfo import available_timezones

        known = available_timezones()
        if known and value not in known:
            raise ValueError(f"there is no time zone `{value}`: write one such as `UTC` or `Europe/Berlin`")
        return value


class ServingBlock(Closed):
    """An inference fleet behind the gateway."""

    engine: Literal["vllm"] = Field(default="vllm", description="Inference engine.")
    runtime: Name = Field(description="Where it runs: `ec2`, `sagemaker`, or a plugin's.")
    instance: str = Field(default="auto", description="`auto` (the cheapest that fits) or an instance type.")
    tensor_parallel: int | Literal["auto"] = Field(
        default="auto", description="GPUs that share each layer; must divide the attention heads."
    )
    replicas: Replicas = Field(default_factory=Replicas, description="How many instances serve.")
    scaling: Scaling = Field(default_factory=Scaling, description="When replicas are added.")
    hours: Hours | None = Field(default=None, description="When it runs; always if unset.")
    paused: bool = Field(default=False, description="No instances for now. `llmstrat pause` and `resume` write it.")
    quantization: Quantization = Field(
        default="none",
        description="`fp8` and `bitsandbytes` quantize on load; `awq` and `gptq` need weights quantized that way.",
    )
    max_context: int = Field(default=8192, ge=256, description="Longest context served, in tokens.")
    concurrency: int = Field(
        default=8, ge=1, le=1024, description="Sequences of `max_context` tokens that must fit at once, a replica."
    )
    adapters: list[AdapterBlock] = Field(default_factory=list, description="LoRA adapters served beside the model.")
    fallback: list[Alias] = Field(
        default_factory=list, description="Aliases under `providers:` that answer when the fleet doesn't."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="The runtime's own options for serving.")

    @model_validator(mode="after")
    def _adapters_differ(self) -> ServingBlock:
        seen: set[str] = set()
        problems = []
        for number, adapter in enumerate(self.adapters):
            if adapter.alias in seen:
                message = f"the alias `{adapter.alias}` is used more than once"
                problems.append(detail(("adapters", number, "alias"), message, "give each adapter its own alias"))
            seen.add(adapter.alias)
        if problems:
            refuse("ServingBlock", problems)
        return self
