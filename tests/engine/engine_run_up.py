"""A command of its own that runs `up`, for the tests that interrupt and kill it. Arguments are one JSON object."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import engine_programs as programs

from llmstrat_iac.engine.backends import choose_backend
from llmstrat_iac.engine.locate import find_cli
from llmstrat_iac.engine.stack import Engine
from llmstrat_iac.errors import LlmstratError


def main() -> int:
    arguments = json.loads(sys.argv[1])
    cloud, gate = Path(arguments["cloud"]), Path(arguments["gate"])

    def program() -> None:
        first = programs.FolderEntry("first", cloud)
        slow = programs.FolderEntry("slow", cloud, gate=gate, opts=programs.after(first))
        programs.FolderEntry("last", cloud, opts=programs.after(slow))

    backend = choose_backend(os.environ, data_dir=Path(arguments["data"]))
    engine = Engine(find_cli(os.environ), backend, dict(os.environ))
    try:
        engine.stack("proj", "dev", program).up()
    except LlmstratError as error:
        sys.stdout.write(f"{type(error).__name__} {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
