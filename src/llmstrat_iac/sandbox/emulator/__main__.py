"""`python -m llmstrat_iac.sandbox.emulator --port N`: one emulator in the foreground until SIGTERM."""

from __future__ import annotations

import json
import sys

from llmstrat_iac.sandbox import listener
from llmstrat_iac.sandbox.emulator import server


def main() -> None:
    """Listen, tell the port as the first line of stdout, serve."""
    options = listener.parser(
        "llmstrat_iac.sandbox.emulator", "An AWS emulator on loopback (ministack with additions)."
    )
    options.add_argument("--plain", action="store_true", help="without our additions, as upstream ships it")
    chosen = options.parse_args(sys.argv[1:])
    bound = listener.listener_of(chosen, purpose="emulator")
    sys.stdout.write(json.dumps({"port": bound.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    server.serve(bound, with_additions=not chosen.plain)


if __name__ == "__main__":
    main()
