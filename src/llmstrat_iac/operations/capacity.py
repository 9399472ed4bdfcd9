"""Capacity that is paid at once and can't be given back: looked for and bought where the spec's runtime gets it."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.pretraining.capacity import CapacityMarket, Offering

_LOOKS, _PAUSE_SECONDS = 60, 5.0
"""AWS collects the money within minutes."""


def open_market(resolved: ResolvedSpec, session: AwsSession) -> CapacityMarket:
    """Where the runtime of the spec's cluster gets its capacity. LlmstratError if it sells none."""
    pretraining = resolved.pretraining
    if pretraining is None:
        raise LlmstratError(
            f"`{resolved.stack_name}` has no cluster", remedy="only `strategy: from-scratch` trains on one"
        )
    module, _, function = pretraining.runtime.market.partition(":")
    if not module:
        raise LlmstratError(
            f"cluster.runtime: {pretraining.runtime.title} sells no capacity in advance",
            remedy="set `capacity: on-demand`, or take `runtime: sagemaker`, `ec2` or `hyperpod`",
        )
    market: CapacityMarket = getattr(import_module(module), function)(resolved, session)
    return market


def offerings(market: CapacityMarket) -> tuple[Offering, ...]:
    """What is on sale, the cheapest first."""
    return tuple(sorted(market.offerings(), key=lambda each: each.fee))


def choose(offered: tuple[Offering, ...], number: int) -> Offering:
    """The offering with this number, from 1; LlmstratError if there aren't so many now."""
    if number > len(offered):
        count = len(offered) or "none"
        raise LlmstratError(
            f"there is no offer {number} for this spec now: {count} on sale",
            remedy="`llmstrat capacity offers` shows what is; `cluster.zone` and the days of the plan narrow it",
        )
    return offered[number - 1]


def await_payment(market: CapacityMarket, reservation: str, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Wait until it is paid, some minutes at most; False if it isn't by then. LlmstratError if it never will be."""
    for look in range(_LOOKS):
        if market.is_paid(reservation):
            return True
        # In the sandbox it takes a moment.
        sleep(min(_PAUSE_SECONDS, 0.2 * 2**look))
    return False
