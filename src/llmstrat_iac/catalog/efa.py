"""How the network cards of an instance type are laid out, from `efa.csv`, and which interfaces a launch asks for.

The layout is AWS's present recommendation for all families: one ENA interface with the instance's only address, and
EFA devices without addresses. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from llmstrat_iac.catalog.instances import InstanceType


@dataclass(frozen=True)
class EfaLayout:
    """The network cards of an instance type, and how many of them have EFA."""

    cards: int
    efa_interfaces: int

    @property
    def first_card_has_efa(self) -> bool:
        """Not so where one card more than there is EFA, as on p6-b300: its first is for ENA alone."""
        return 0 < self.cards == self.efa_interfaces


@dataclass(frozen=True)
class NetworkInterface:
    """One network interface that a launch asks for."""

    card: int
    device: int
    """Of those on the card; only the first card's 0 is the instance's primary one."""
    kind: Literal["interface", "efa-only"]


def efa_layout(instance: InstanceType) -> EfaLayout:
    """The cards of a known type: types with one EFA interface or none have one card."""
    return _table().get(instance.name) or EfaLayout(1, instance.efa_interfaces)


def network_interfaces(layout: EfaLayout, *, efa: bool) -> tuple[NetworkInterface, ...]:
    """What a launch asks for; without `efa` a single interface, which is all that one node alone needs."""
    primary = NetworkInterface(0, 0, "interface")
    if not efa or not layout.efa_interfaces:
        return (primary,)
    # The primary interface can't be `efa-only`: on the first card EFA is the second device.
    first = (NetworkInterface(0, 1, "efa-only"),) if layout.first_card_has_efa else ()
    others = (NetworkInterface(card, 0, "efa-only") for card in range(1, layout.cards))
    return (primary, *first, *others)


@lru_cache(maxsize=1)
def _table() -> dict[str, EfaLayout]:
    with Path(__file__).with_name("efa.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["instance"]: EfaLayout(int(row["cards"]), int(row["efa_interfaces"])) for row in csv.DictReader(file)
        }
