"""What is checked before anything is spent: the plan's findings, then AWS's answers, read-only."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.plan import Finding, Plan
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry


def check_before_up(
    resolved: ResolvedSpec, session: AwsSession | None, *, now: datetime
) -> tuple[Plan, tuple[Finding, ...]]:
    """The plan, and all findings of plan and preflight. Without a session AWS isn't asked."""
    plan = build_plan(resolved, create_registry(resolved.spec.plugins), now=now)
    if session is None or plan.errors:
        return plan, plan.findings
    module, _, function = resolved.strategy.preflight.partition(":")
    return plan, (*plan.findings, *getattr(import_module(module), function)(resolved, session))
