"""`llmstrat invoke`: ask the endpoint something from the terminal; the answer streams as it comes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from llmstrat_iac.cli.options import json_option, sandbox_option, spec_argument
from llmstrat_iac.errors import LlmstratError


@click.command("invoke")
@spec_argument
@click.argument("prompt", required=False)
@sandbox_option
@json_option
@click.option("--consumer", help="Whose key to use; the first one if unset.")
@click.option("--model", help="Model alias; the consumer's first one if unset.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Longest answer, in tokens.")
@click.option("--no-stream", is_flag=True, help="Wait for the whole answer.")
def command(
    *,
    spec: Path,
    prompt: str | None,
    sandbox: bool,
    as_json: bool,
    consumer: str | None,
    model: str | None,
    max_tokens: int | None,
    no_stream: bool,
) -> int:
    """Ask SPEC's endpoint PROMPT; without one, read it from standard input or chat line by line at a terminal."""
    from llmstrat_iac.cli.targets import target_environment
    from llmstrat_iac.operations.chat import Endpoint, complete, first_model, stream
    from llmstrat_iac.operations.deployment import open_deployment
    from llmstrat_iac.planner.load import load_spec

    resolved = load_spec(spec)
    with target_environment(sandbox=sandbox, resolved=resolved) as target:
        outputs = open_deployment(resolved, target.variables).require_snapshot(show_secrets=True).outputs.values
        name = consumer or next(iter(_mapping(outputs, "consumers")))
        key, aliases = _known(_mapping(outputs, "keys"), name), _known(_mapping(outputs, "consumers"), name)
        endpoint = Endpoint(str(outputs["base_url"]), key)
        asked = model or first_model(resolved.spec, name, aliases)
        for question in _questions(prompt):
            if as_json or no_stream:
                answer = complete(endpoint, asked, question, max_tokens=max_tokens)
                click.echo(json.dumps(vars(answer)) if as_json else answer.text)
                continue
            for piece in stream(endpoint, asked, question, max_tokens=max_tokens):
                click.echo(piece, nl=False)
            click.echo()
    return 0


def _questions(prompt: str | None) -> Any:
    if prompt is not None:
        yield prompt
    elif not sys.stdin.isatty():
        yield sys.stdin.read()
    else:
        click.echo("Ask; an empty line ends.", err=True)
        while question := click.prompt(">", default="", show_default=False, prompt_suffix=" "):
            yield question


def _mapping(outputs: Any, name: str) -> dict[str, Any]:
    value = outputs.get(name)
    if not isinstance(value, dict) or not value:
        raise LlmstratError("the stack has no endpoint yet", remedy="run `llmstrat up` to the end first")
    return value


def _known(mapping: dict[str, Any], consumer: str) -> Any:
    if consumer not in mapping:
        raise LlmstratError(
            f"there is no consumer `{consumer}` in the stack", remedy=f"choose one of: {', '.join(mapping)}"
        )
    return mapping[consumer]
