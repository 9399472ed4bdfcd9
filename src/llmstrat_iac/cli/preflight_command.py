"""`llmstrat preflight`: ask AWS and the vendors, read-only, whether a spec can work. `up` asks the same."""

from __future__ import annotations

import json
from pathlib import Path

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument


@click.command("preflight")
@spec_argument
@sandbox_option
@json_option
def command(*, spec: Path, sandbox: bool, as_json: bool) -> int:
    """Check SPEC against the account: quotas, instance types, images, model access, permissions; exit 1 on an error."""
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.cli.text import findings_document, print_findings
    from llmstrat_iac.operations.checks import check_before_up
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        deployment = open_deployment(resolved, target.variables)
        _, findings = check_before_up(resolved, deployment.session(), now=target.now())
    if as_json:
        click.echo(json.dumps(findings_document(findings), indent=2))
    else:
        print_findings(findings, err=False)
    return 1 if any(finding.severity == "error" for finding in findings) else 0
