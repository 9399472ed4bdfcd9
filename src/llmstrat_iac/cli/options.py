"""The arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

spec_argument = click.argument("spec", type=click.Path(path_type=Path))
sandbox_option = click.option(
    "--sandbox", is_flag=True, help="Use the embedded AWS sandbox: no account, no cost. Starts one if none runs."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Don't ask for confirmation.")
