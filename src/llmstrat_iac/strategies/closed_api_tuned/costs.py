"""What tuning costs: the training once, and the hosting at the stated load where tokens aren't what is billed."""

from __future__ import annotations

from collections.abc import Iterator

from llmstrat_iac.datasets.report import DatasetReport
from llmstrat_iac.plan import Basis, CostLine, Finding, Severity
from llmstrat_iac.spec.providers import GatewaySpec
from llmstrat_iac.tuning import ResolvedTuning

_MEGA = 1e6


def training_cost(tuning: ResolvedTuning, report: DatasetReport | None) -> CostLine:
    """Tokens of the training file, times epochs, times the vendor's price; unknown if either isn't known."""
    base, epochs = tuning.base, tuning.hyperparameters.epochs
    # Without a report it isn't the price that is unknown but the quantity; either makes the sum unknown.
    price = base.usd_per_mtok_training if base and report else None
    return CostLine(
        item=f"Training: {epochs} epoch{'s' if epochs > 1 else ''}",
        basis=Basis.ONCE,
        quantity=report.train.tokens * epochs if report else 0,
        unit="token",
        unit_usd=None if price is None else price / _MEGA,
        source=base.source if base else "not in the catalogue",
        as_of=base.as_of if base else "",
    )


def check_price(tuning: ResolvedTuning) -> Iterator[Finding]:
    """A price of training that isn't known is missing from every sum."""
    if tuning.base is not None and tuning.base.usd_per_mtok_training is None:
        yield Finding(
            rule="unknown-price",
            severity=Severity.WARNING,
            path="tuning.base_model",
            message=f"the price of training {tuning.base.title} is unknown",
            reason="totals leave it out, so the real bill is higher",
            remedy="look it up on the vendor's price page before you rely on the estimate",
        )


def hosting_costs(tuning: ResolvedTuning, spec: GatewaySpec) -> Iterator[CostLine]:
    """What serving costs at the stated load, where the vendor bills time and not tokens."""
    load = spec.endpoint.load
    callers = [consumer for consumer in spec.endpoint.consumers if tuning.block.alias in consumer.models]
    if load is None or not callers or tuning.tuning.hosting is None:
        return
    wanted = {alias for consumer in spec.endpoint.consumers for alias in consumer.models}
    yield from tuning.tuning.hosting(tuning, load.requests_per_month / len(wanted))
