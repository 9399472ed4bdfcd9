"""`llmstrat plan`: what would be created, what it would cost, and what speaks against it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, spec_argument
from llmstrat_iac.cli.plan_document import plan_document
from llmstrat_iac.cli.text import print_json
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry


@click.command("plan")
@spec_argument
@json_option
def command(spec: Path, as_json: bool) -> int:
    """Show what SPEC would create and cost. Needs no credentials, engine or network."""
    resolved = load_spec(spec)
    plan = build_plan(resolved, create_registry(resolved.spec.plugins), now=datetime.now(UTC))
    if as_json:
        print_json(plan_document(plan))
    else:
        from llmstrat_iac.cli.render import console, print_plan

        print_plan(plan, console())
    return 1 if plan.errors else 0
