"""What `status` and `list` show: the stacks of a backend, whether each still has time to live, and their health."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from llmstrat_iac.engine.results import Snapshot
from llmstrat_iac.engine.stack import Engine, Stack
from llmstrat_iac.program import PROJECT
from llmstrat_iac.spec.moments import parse_moment


@dataclass(frozen=True)
class StackSummary:
    """One stack as its state records it."""

    stack: Stack
    snapshot: Snapshot
    resources: int

    @property
    def outputs(self) -> Mapping[str, object]:
        """What the program exported; empty for a stack whose first `up` never ended."""
        return self.snapshot.outputs.values

    @property
    def strategy(self) -> str | None:
        """The strategy's name; None for a stack whose first `up` never ended."""
        name = self.outputs.get("strategy")
        return None if name is None else str(name)

    @property
    def expires(self) -> datetime | None:
        """When the time to live ends; None for never, or if the first `up` didn't get that far."""
        return parse_moment(str(self.outputs.get("expires")))

    def remaining(self, now: datetime) -> timedelta | None:
        """Time to live that is left, negative when it is over."""
        return None if self.expires is None else self.expires - now


def list_stacks(engine: Engine) -> Iterator[StackSummary]:
    """Yield this toolkit's stacks on the engine's backend."""
    for name in engine.list_stacks(PROJECT):
        stack = engine.stack(name.project, name.stack)
        snapshot = stack.snapshot()
        physical = sum(resource.is_physical for resource in snapshot.resources)
        yield StackSummary(stack, snapshot, physical)


def describe_remaining(remaining: timedelta | None) -> str:
    """`in 2 d 3 h`, `in 40 min`, `expired 5 h ago` or `never`."""
    if remaining is None:
        return "never"
    text = _span(abs(remaining))
    return f"in {text}" if remaining > timedelta(0) else f"expired {text} ago"


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h" if hours >= 2 else f"{minutes} min"
