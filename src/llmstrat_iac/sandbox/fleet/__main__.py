"""`python -m llmstrat_iac.sandbox.fleet --port N -- VLLM-ARGUMENTS`: one stand-in in the foreground until SIGTERM.

With `--with-parent` it also ends when its standard input closes: whoever started it has ended, in whatever way.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

import uvicorn

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox import listener
from llmstrat_iac.sandbox.fleet.app import Engine
from llmstrat_iac.sandbox.fleet.arguments import parse_engine_arguments
from llmstrat_iac.sandbox.vendor.generator import load_generator


def main() -> int:
    """Listen, tell the port as the first line of stdout, serve; 1 if the arguments or the model won't do."""
    options = listener.parser("llmstrat_iac.sandbox.fleet", "vLLM's stand-in on loopback.")
    options.add_argument("--llm", choices=("deterministic", "real"), default="deterministic")
    options.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    own, engine = _parted(sys.argv[1:])
    chosen = options.parse_args(own)
    try:
        app = Engine(parse_engine_arguments(engine), load_generator(chosen.llm)).app()
        bound = listener.listener_of(chosen, purpose="inference server")
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps({"port": bound.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    if chosen.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off")
    uvicorn.Server(config).run(sockets=[bound])
    return 0


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
