"""`python -m llmstrat_iac.sandbox.provider [--port N]`: serve until SIGTERM; first line of stdout: `{"port": N}`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.sandbox.provider.clients import Clients
from llmstrat_iac.sandbox.provider.registry import served_resources
from llmstrat_iac.sandbox.provider.server import Provider, start_server

GRACE_SECONDS = 2.0


def main() -> int:
    """Run the provider; 1 when AWS_ENDPOINT_URL isn't a loopback URL."""
    parser = argparse.ArgumentParser(prog="llmstrat-aws-provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        provider = Provider(Clients(os.environ.get("AWS_ENDPOINT_URL", "")), region)
    except LlmstratError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    server, port = start_server(provider, options.port)
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    served_resources()
    # The first client costs ten times what others do; make it while nobody waits.
    provider.clients.get("iam", region or "us-east-1")
    stop.wait()
    server.stop(GRACE_SECONDS).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
