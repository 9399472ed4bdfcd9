"""A click group that knows its commands by name and imports the module of one only when it runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": "Write a commented spec, from answers or flags.",
    "validate": "Check a spec: syntax, fields, plugins, governance.",
    "plan": "Show resources, cost and findings before anything is spent.",
    "preflight": "Check a spec against the account: quotas, access, permissions.",
    "iam": "Print the IAM policy that deploying a spec needs.",
    "up": "Create or update the stack and smoke-test its endpoint.",
    "wait": "Follow the tuning or training job to its end.",
    "cancel": "Stop the tuning or training job that runs.",
    "status": "Show what runs, its health, and when it expires.",
    "outputs": "Print the stack's outputs; keys only when asked.",
    "invoke": "Chat with the endpoint from the terminal.",
    "logs": "Show the usage log, or the job's events.",
    "keys": "List and rotate the consumers' keys.",
    "pause": "Stop a fleet's instances; endpoint and keys stay.",
    "resume": "Start a paused fleet again.",
    "accept": "Show whether a cluster passed its acceptance gate, or test it.",
    "capacity": "Look for capacity blocks for a cluster, and buy one.",
    "down": "Destroy the stack and prove that nothing is left.",
    "list": "List the stacks of this backend.",
    "reap": "Destroy the stacks whose time to live has ended.",
    "data": "Check, clean and convert training data.",
    "strategies": "Compare the four strategies.",
    "models": "List known models with prices and lifecycle.",
    "gpus": "List GPU instance types with their prices.",
    "fit": "Find the GPU instance that a model needs.",
    "train-plan": "Compare the clusters that can train a model from scratch.",
    "schema": "Print or write the JSON Schema of the spec.",
    "plugins": "List plugins, enabled and installed.",
    "sandbox": "Start, stop and inspect the embedded AWS sandbox.",
    "engine": "Find or install the Pulumi engine.",
    "doctor": "Explain every dependency found or missing.",
    "completion": "Print shell completion for bash, zsh or fish.",
}


class LazyGroup(click.Group):
    """Commands `name` come from `llmstrat_iac.cli.<name>_command` (`_` for `-`), attribute `command`."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with _no_collection():
            module = import_module(f"llmstrat_iac.cli.{cmd_name.replace('-', '_')}_command")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from llmstrat_iac.spec.names import suggest

            ctx.fail(f"there is no command `{args[0]}`; {suggest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names from the table: click's own way would import every command."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Imports allocate much and free little: looking for garbage in that would be a tenth of `validate`."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
