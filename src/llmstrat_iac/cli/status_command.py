"""`llmstrat status`: what runs, whether it answers, when it expires, and what this month has used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument

if TYPE_CHECKING:
    from llmstrat_iac.operations.deployment import Deployment


@click.command("status")
@spec_argument
@sandbox_option
@json_option
def command(*, spec: Path, sandbox: bool, as_json: bool) -> int:
    """Show the state of SPEC's stack; exit code 1 if its endpoint doesn't answer."""
    from llmstrat_iac.cli.render import console
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.operations.fleet import fleet_health
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        deployment = open_deployment(resolved, target.variables)
        document = _document(deployment)
        job = _job(deployment, target.variables) if resolved.job is not None else None
        fleet = fleet_health(resolved, deployment.require_snapshot().outputs.values, deployment.session())
    if as_json:
        more = ({"job": job} if job else {}) | ({"fleet": asdict(fleet)} if fleet else {})
        click.echo(json.dumps(document | more, indent=2))
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        for name, value in document.items():
            if value == [] or (name == "healthy" and resolved.spec.endpoint is None):
                continue
            text = ", ".join(value) if isinstance(value, list) else str(value)
            style = "red" if name == "endpoint" and not document["healthy"] else ""
            table.add_row(Text(name.replace("_", " "), style="bold"), Text(text, style=style))
        if job is not None:
            kind = "tuning" if resolved.tuning else "training"
            table.add_row(
                Text(kind, style="bold"),
                Text(_describe(job, own=resolved.tuning is None, serves=resolved.spec.endpoint is not None)),
            )
        if fleet is not None:
            style = "" if fleet.well else "yellow"
            table.add_row(Text("fleet", style="bold"), Text("\n".join([fleet.summary, *fleet.problems]), style=style))
        console().print(table)
    return 0 if document["healthy"] else 1


def _document(deployment: Deployment) -> dict[str, Any]:
    from llmstrat_iac.operations.overview import describe_remaining
    from llmstrat_iac.operations.usage import month_so_far
    from llmstrat_iac.spec.moments import parse_moment

    snapshot = deployment.require_snapshot(show_secrets=True)
    outputs = snapshot.outputs.values
    expires = parse_moment(str(outputs.get("expires")))
    consumers = outputs.get("consumers")
    remaining = None if expires is None else expires - deployment.target.now()
    healthy, endpoint = _health(outputs, expected=deployment.resolved.spec.endpoint is not None)
    if not healthy and remaining is not None and remaining <= timedelta(0):
        endpoint = f"stopped, its time to live is over: `llmstrat up` starts it again ({endpoint})"
    return {
        "stack": deployment.name,
        "strategy": deployment.resolved.strategy.name,
        "region": deployment.resolved.spec.region,
        "owner": deployment.resolved.spec.owner,
        "resources": sum(resource.is_physical for resource in snapshot.resources),
        "unfinished": [f"{one.doing} {one.name}" for one in snapshot.pending],
        "expires": f"{outputs.get('expires', 'unknown')} ({describe_remaining(remaining)})",
        "endpoint": endpoint,
        "healthy": healthy,
        "consumers": sorted(consumers) if isinstance(consumers, dict) else [],
        "this_month": month_so_far(deployment.session(), outputs.get("usage_log_group"), now=datetime.now(UTC)),
    }


def _health(outputs: Any, *, expected: bool) -> tuple[bool, str]:
    if not expected:
        return True, "none: the spec has no `endpoint:`"
    from llmstrat_iac.operations.chat import Endpoint, EndpointError, models

    keys, url = outputs.get("keys") or {}, outputs.get("base_url")
    if not keys or not url:
        return False, "none yet: `llmstrat up` was not run to its end"
    try:
        models(Endpoint(url, next(iter(keys.values()))))
    except EndpointError as error:
        return False, error.message
    return True, f"{url} answers"


def _job(deployment: Deployment, variables: Mapping[str, str]) -> dict[str, Any]:
    from llmstrat_iac.cli.tuning_view import document
    from llmstrat_iac.errors import LlmstratError
    from llmstrat_iac.operations.jobs_in_state import settled
    from llmstrat_iac.operations.tuning import Follower, served_identity

    snapshot = deployment.require_snapshot()
    served = served_identity(snapshot)
    try:
        job = Follower(deployment, variables).find()
    except LlmstratError as error:
        # The vendor's answer is one of many things to know; the others are shown without it.
        return {"job": None, "unknown": error.message, "served_identity": served}
    awaits_up = job is not None and job.state.over and not settled(snapshot)
    return {"job": document(job) if job else None, "served_identity": served, "awaits_up": awaits_up}


def _describe(tuning: Mapping[str, Any], *, own: bool, serves: bool) -> str:
    from llmstrat_iac.tuning.jobs import in_words

    job = tuning["job"]
    if job is None:
        return f"unknown: {tuning['unknown']}" if "unknown" in tuning else "no job: `llmstrat up` starts one"
    parts = [job["name"], job["state"]]
    if job["progress"] is not None:
        parts.append(f"{job['progress']:.0%}")
    parts += in_words(job["metrics"])
    if job["failure"]:
        parts.append(job["failure"])
    if serves and tuning["served_identity"] is not None:
        same = tuning["served_identity"] == job["identity"]
        parts.append("its model is served" if same else "an earlier model is served")
    if own and tuning["awaits_up"]:
        parts.append("what only it needed goes with the next `llmstrat up`")
    return ", ".join(parts)
