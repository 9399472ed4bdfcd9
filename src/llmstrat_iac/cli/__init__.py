"""The command line. `main()` is the only error boundary: it prints what a user can fix; the rest stays a traceback.

Commands live one to a module and are imported only when they run, so that `--help` stays instant. Exit codes: 0 done,
1 the user can fix it, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

import click

from llmstrat_iac.cli.group import LazyGroup
from llmstrat_iac.errors import LlmstratError

EXIT_FIXABLE = 1
EXIT_INTERRUPTED = 130


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="llmstrat-iac", prog_name="llmstrat")
def cli() -> None:
    """One YAML spec for an LLM strategy: plan it, deploy it on AWS, call it, and take it down again."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # Else the interpreter looks for garbage in all that was imported before it ends: 0.4 s after an `up`.
    atexit.register(gc.freeze)
    try:
        result = cli.main(args=list(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except LlmstratError as error:
        click.echo(f"error: {error}", err=True)
        return EXIT_FIXABLE
    except click.exceptions.Exit as request:
        return request.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0
