"""Capacity that is paid for in advance: what a runtime has on sale for a cluster, and how one of it is bought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Offering:
    """What AWS would sell now."""

    id: str
    product: str
    """As `cluster.capacity` has it: `capacity-block` or `training-plan`."""
    instance: str
    count: int
    zone: str
    start: datetime
    end: datetime
    hours: float
    """Of use, without the gaps between its parts."""
    parts: int
    """Periods between `start` and `end`; a run goes on from its newest checkpoint in the next one."""
    fee: float
    """The whole sum, due at once."""
    currency: str


class CapacityMarket(Protocol):
    """A runtime's way to sell capacity for one spec. Errors of AWS's come as LlmstratError."""

    def offerings(self) -> tuple[Offering, ...]:
        """What is on sale for the cluster in its zone and for its planned days."""

    def buy(self, offering: Offering) -> str:
        """Buy it, for good; returns what `cluster.reservation` names."""

    def is_paid(self, reservation: str) -> bool:
        """Whether it can be used, now or when it begins; False while the money is being collected, LlmstratError if it
        couldn't be."""
