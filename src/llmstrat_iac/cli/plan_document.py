"""How a plan looks in JSON: plain data with figures rounded to what they can mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llmstrat_iac.cli.text import findings_document
from llmstrat_iac.plan import Plan, Total

_SIGNIFICANT = 10
"""Digits of a figure: what lies below is noise of binary fractions."""


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    return {
        "name": plan.name,
        "strategy": plan.strategy,
        "environment": plan.environment,
        "region": plan.region,
        "owner": plan.owner,
        "ttl": plan.ttl,
        "resources": [asdict(resource) for resource in plan.stack.resources],
        "token_prices": [asdict(price) for price in plan.stack.token_prices],
        "costs": [_figures(asdict(line) | {"basis": str(line.basis), "usd": line.usd}) for line in plan.stack.costs],
        "totals": {
            "once": _figures(asdict(plan.once)) if plan.once != Total(0.0) else None,
            "fixed_hour": _figures(asdict(plan.fixed_hour)),
            "fixed_month": _figures(asdict(plan.fixed_month)),
            "at_load_month": _figures(asdict(plan.at_load_month)) if plan.has_load else None,
            "forgotten_30_days": _figures(asdict(plan.forgotten_30_days)),
        },
        "sizing": [asdict(line) for line in plan.stack.sizing],
        "findings": findings_document(plan.findings),
    }


def _figures(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: float(f"{value:.{_SIGNIFICANT}g}") if isinstance(value, float) else value
        for name, value in record.items()
    }
