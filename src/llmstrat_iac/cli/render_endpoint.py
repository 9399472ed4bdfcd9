"""Prints how to call an endpoint: the URL, the key's name, and snippets that work as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from llmstrat_iac.engine.results import OperationResult
from llmstrat_iac.operations.smoke import SmokeResult
from llmstrat_iac.spec.common import Endpoint


def print_result(
    console: Console, values: Mapping[str, Any], checks: Sequence[SmokeResult], result: OperationResult
) -> None:
    """How the deployment went, with the smoke test."""
    console.print(f"\n[green]✓[/green] Deployed in {result.seconds:.0f} s; expires {values['expires']}")
    for check in checks:
        mark = "[green]✓[/green]" if check.passed else "[yellow]…[/yellow]" if check.pending else "[red]✗[/red]"
        console.print(f"{mark} {escape(check.what)}: {escape(check.detail)}")


def print_endpoint(
    console: Console, spec: Path, values: Mapping[str, Any], endpoint: Endpoint, *, sandbox: bool
) -> None:
    """What a user needs after `up`. The snippets read the key from a variable, so that no key is printed."""
    consumer = endpoint.consumers[0]
    flag = " --sandbox" if sandbox else ""
    console.print(f"\n[bold]Endpoint[/bold]   {values['base_url']}", soft_wrap=True)
    console.print(f"[bold]Consumers[/bold]  {', '.join(each.name for each in endpoint.consumers)}", soft_wrap=True)
    console.print(f"[bold]Keys[/bold]       llmstrat outputs {spec}{flag} --show-secrets", soft_wrap=True)
    _snippet(console, "Shell", shell_snippet(spec, values["base_url"], consumer.name, consumer.models[0], flag))
    _snippet(console, "Python", python_snippet(values["base_url"], consumer.models[0]))


def shell_snippet(spec: Path, base_url: str, consumer: str, model: str, flag: str) -> str:
    """A shell session that reads the key and asks one question."""
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
    return (
        f"export OPENAI_API_KEY=$(llmstrat keys show {spec} {consumer}{flag})\n"
        f"curl -sS {base_url}/chat/completions \\\n"
        f'  -H "Authorization: Bearer $OPENAI_API_KEY" -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )


def python_snippet(base_url: str, model: str) -> str:
    """A program for the OpenAI SDK, which takes the key from `OPENAI_API_KEY`."""
    return (
        "from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{base_url}")\n'
        "answer = client.chat.completions.create(\n"
        f'    model="{model}", messages=[{{"role": "user", "content": "Hello"}}]\n'
        ")\n"
        "print(answer.choices[0].message.content)"
    )


def _snippet(console: Console, title: str, text: str) -> None:
    console.print(f"\n[bold]{title}[/bold]")
    console.print(Text(text, style="cyan"), soft_wrap=True)
