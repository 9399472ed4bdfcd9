"""`llmstrat completion`: the script that teaches a shell to complete commands and options."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL, for example: eval "$(llmstrat completion bash)"."""
    from click.shell_completion import get_completion_class

    from llmstrat_iac.cli import cli

    completer = get_completion_class(shell)
    assert completer is not None, "click knows the three shells"
    click.echo(completer(cli, {}, "llmstrat", "_LLMSTRAT_COMPLETE").source())
