"""Governance: rules that a plan must keep, as an ordinary plugin.

Each rule is a small pure function that yields findings, with the reason for the rule and what to do. An error stops
`up`; a warning doesn't.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from llmstrat_iac.hookspecs import ResolvedSpec, hookimpl
from llmstrat_iac.plan import Finding, Plan


@hookimpl
def llmstrat_check(resolved: ResolvedSpec, plan: Plan, now: datetime) -> Iterable[Finding]:
    # `validate` and `plan` alone need the rules; every other command loads this plugin, too.
    from llmstrat_iac.governance import data, models, open_model, spend, tuning

    yield from data.restricted_data_leaves_account(resolved)
    yield from data.prompts_logged_with_confidential_data(resolved)
    yield from models.model_lifecycle(resolved, now)
    yield from models.unknown_model(resolved)
    yield from tuning.check_tuning(resolved, now)
    yield from open_model.check_open_model(resolved)
    yield from spend.monthly_limit(resolved, plan)
    yield from spend.hourly_limit(resolved, plan)
    yield from spend.unknown_price(plan)
    yield from spend.ttl_never(resolved)
    yield from spend.unlimited_consumers(resolved)
    yield from spend.no_load_stated(resolved, plan)
