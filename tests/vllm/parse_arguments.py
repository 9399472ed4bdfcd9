"""Feeds lists of arguments to the parser of the installed vLLM, without a GPU. Runs in vLLM's environment.

Usage: parse_arguments.py FILE, a JSON object of names to lists. Prints what vLLM has understood of each, or its error.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import vllm.platforms
from vllm.platforms.cpu import CpuPlatform

vllm.platforms.current_platform = CpuPlatform()

from vllm.entrypoints.openai.cli_args import make_arg_parser, validate_parsed_serve_args  # noqa: E402
from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: E402

from vllm import __version__  # noqa: E402 - the platform is asked for at import


def parse(arguments: list[str]) -> dict[str, Any]:
    """The values as vLLM has them."""
    parser = make_arg_parser(FlexibleArgumentParser(allow_abbrev=False))
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            values = parser.parse_args(arguments)
            validate_parsed_serve_args(values)
    except (Exception, SystemExit) as error:
        return {"error": f"{error} {said.getvalue()}"}
    plain = {name: value for name, value in vars(values).items() if isinstance(value, str | int | float | list)}
    return plain | {"lora_modules": [asdict(module) for module in values.lora_modules or []]}


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    parsed = {name: parse(arguments) for name, arguments in given.items()}
    sys.stdout.write("\n" + json.dumps({"version": __version__, "parsed": parsed}, default=str))
