"""The option of commands without a spec that enables third-party plugins by name, as a spec's `plugins:` does."""

from __future__ import annotations

import click

plugin_option = click.option(
    "--plugin", "plugins", multiple=True, metavar="NAME", help="Enable this third-party plugin, too; repeatable."
)
