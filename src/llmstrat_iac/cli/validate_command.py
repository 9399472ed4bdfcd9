"""`llmstrat validate`: is the spec right, and does governance allow it?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, spec_argument
from llmstrat_iac.cli.text import count, findings_document, print_findings, print_json
from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.plan import Plan, Severity
from llmstrat_iac.planner.load import load_spec
from llmstrat_iac.planner.plan import build_plan
from llmstrat_iac.plugins import create_registry
from llmstrat_iac.spec.problems import InvalidSpecError, format_path


@click.command("validate")
@spec_argument
@json_option
def command(spec: Path, as_json: bool) -> int:
    """Check SPEC: syntax, fields, plugins and governance."""
    try:
        resolved = load_spec(spec)
    except InvalidSpecError as error:
        if not as_json:
            raise
        print_json({"file": str(spec), "valid": False, "problems": _problems(error), "findings": []})
        return 1
    plan = build_plan(resolved, create_registry(resolved.spec.plugins), now=datetime.now(UTC), read_files=False)
    if as_json:
        valid = not plan.errors
        print_json({"file": str(spec), "valid": valid, "problems": [], "findings": findings_document(plan.findings)})
    else:
        _print(spec, resolved, plan)
    return 1 if plan.errors else 0


def _print(spec: Path, resolved: ResolvedSpec, plan: Plan) -> None:
    shown = [finding for finding in plan.findings if finding.severity is not Severity.INFO]
    print_findings(shown)
    models = sum(len(each.entry.models) for each in resolved.providers.values())
    parts = [resolved.strategy.name, count(len(resolved.providers), "provider"), count(models, "model")]
    if resolved.tuning is not None:
        parts.append("1 tuned model")
    if resolved.pretraining is not None:
        parts.append("1 model from scratch")
    elif resolved.open_model is not None:
        parts.append("1 open model")
    if resolved.spec.endpoint is not None:
        parts.append(count(len(resolved.spec.endpoint.consumers), "consumer"))
    verdict = f"refused by {count(len(plan.errors), 'rule')}" if plan.errors else "valid"
    click.echo(f"{spec}: {verdict}: {', '.join(parts)}")


def _problems(error: InvalidSpecError) -> list[dict[str, str | int]]:
    return [
        {
            "line": found.line,
            "column": found.column,
            "path": format_path(found.problem.path),
            "message": found.problem.message,
            "remedy": found.problem.remedy,
        }
        for found in error.problems
    ]
