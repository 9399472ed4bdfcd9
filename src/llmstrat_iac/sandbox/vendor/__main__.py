"""`python -m llmstrat_iac.sandbox.vendor --port N [--llm real]`: the vendors' APIs in the foreground until SIGTERM."""

from __future__ import annotations

import json
import sys

import uvicorn

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox import listener
from llmstrat_iac.sandbox.vendor.app import build_app
from llmstrat_iac.sandbox.vendor.generator import load_generator


def main() -> int:
    """Listen, tell the port as the first line of stdout, serve; 1 if the wanted model isn't installed."""
    options = listener.parser("llmstrat_iac.sandbox.vendor", "Closed LLM vendors' APIs on loopback.")
    options.add_argument("--llm", choices=("deterministic", "real"), default="deterministic")
    chosen = options.parse_args(sys.argv[1:])
    try:
        app = build_app(load_generator(chosen.llm))
        bound = listener.listener_of(chosen, purpose="vendor")
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps({"port": bound.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off")
    uvicorn.Server(config).run(sockets=[bound])
    return 0


if __name__ == "__main__":
    sys.exit(main())
