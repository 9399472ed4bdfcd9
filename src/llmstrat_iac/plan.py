"""What `plan` found out: frozen data, printed by the CLI, compared by tests, never computed here.

Money is US dollars. `None` stands for unknown, which is never the same as zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs: an error stops `up`."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """One result of a check: which rule, where in the spec, what is wrong, why it matters and what to do."""

    rule: str
    severity: Severity
    path: str
    message: str
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class PlannedResource:
    """Resources of one Pulumi type that the program will register."""

    type: str
    count: int
    purpose: str

    @property
    def is_physical(self) -> bool:
        """Whether these exist outside of Pulumi's state: not a provider, nor a component of ours."""
        return not self.type.startswith(("pulumi:", "llmstrat:"))


class Basis(StrEnum):
    """What a cost line is counted by."""

    MONTH = "month"
    """Fixed: billed for as long as the stack exists."""
    HOUR = "hour"
    """Fixed: billed by the running hour, and stopped when the TTL ends; what bills on until `down` is by the month."""
    ONCE = "once"
    """Billed when it happens, and not again."""
    LOAD = "month at the stated load"
    """Usage at the load that the spec states."""


NO_INSTANCE = "no instance fits"
"""End of a cost line's item whose price nobody can look up: a finding says why there is no instance."""


@dataclass(frozen=True)
class CostLine:
    """One thing that is billed: `quantity` times `unit_usd` on the given basis."""

    item: str
    basis: Basis
    quantity: float
    unit: str
    unit_usd: float | None
    source: str
    as_of: str

    @property
    def usd(self) -> float | None:
        """US dollars on this line's basis; None if the price isn't known."""
        return None if self.unit_usd is None else self.quantity * self.unit_usd


@dataclass(frozen=True)
class TokenPrice:
    """What a model costs, in US dollars per million tokens; None where unknown."""

    alias: str
    provider: str
    model: str
    usd_per_mtok_input: float | None
    usd_per_mtok_output: float | None
    source: str
    as_of: str


@dataclass(frozen=True)
class SizingLine:
    """One sizing result (memory, instances, days) with what it rests on."""

    what: str
    value: str
    assumption: str


@dataclass(frozen=True)
class StackPlan:
    """A strategy's own part of the plan."""

    resources: tuple[PlannedResource, ...]
    costs: tuple[CostLine, ...] = ()
    token_prices: tuple[TokenPrice, ...] = ()
    sizing: tuple[SizingLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    remaining: tuple[PlannedResource, ...] = ()
    """Besides `resources`, what stays when the job is over for which those are there."""

    @property
    def physical_resources(self) -> tuple[PlannedResource, ...]:
        """What will exist, without Pulumi's own bookkeeping."""
        return tuple(resource for resource in self.resources if resource.is_physical)


@dataclass(frozen=True)
class Total:
    """A sum of cost lines. `usd` adds what is known; `unknown` names the lines that it can't include."""

    usd: float
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Total) -> Total:
        return Total(self.usd + other.usd, self.unknown + other.unknown)


@dataclass(frozen=True)
class Plan:
    """The whole answer of `llmstrat plan`."""

    name: str
    strategy: str
    environment: str
    region: str
    owner: str
    ttl: str
    stack: StackPlan
    fixed_month: Total
    at_load_month: Total
    forgotten_30_days: Total
    findings: tuple[Finding, ...]
    fixed_hour: Total = Total(0.0)
    """What the stack costs in an hour in which nobody calls."""
    monthly_limit: float | None = None
    """`limits.monthly_usd` of the spec."""
    once: Total = Total(0.0)
    """What is billed once, such as a tuning job; in no monthly sum, but in `first_month` and `forgotten_30_days`."""

    @property
    def first_month(self) -> Total:
        """The month in which what is billed once happens."""
        return self.at_load_month + self.once

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop `up`."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def has_load(self) -> bool:
        """Whether the spec states a load, so that `at_load_month` says more than `fixed_month`."""
        return any(line.basis is Basis.LOAD for line in self.stack.costs)


HOURS_A_MONTH = 730.0
"""As AWS bills it."""


def total(lines: Iterable[CostLine], *, hours: float = HOURS_A_MONTH) -> Total:
    """Add up cost lines for one month, of which what bills by the hour runs for `hours`."""
    usd, unknown = 0.0, []
    for line in lines:
        if line.usd is None:
            unknown.append(line.item)
        else:
            usd += line.usd * (hours if line.basis is Basis.HOUR else 1.0)
    return Total(usd, tuple(unknown))
