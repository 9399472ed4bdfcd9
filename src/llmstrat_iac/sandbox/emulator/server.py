"""Run ministack's server on one loopback socket, with the registered additions installed before the first request.

ministack reads its settings from the environment when it is imported, so the environment is set first. Everything it
could open beside that socket (MQTT, SFTP, Docker) is off.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Mapping

_SHUTDOWN_SECONDS = 0.5


def settings(port: int) -> Mapping[str, str]:
    """ministack's environment: loopback only, no Docker daemon, no state on disk."""
    return {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "SFTP_HOST": "127.0.0.1",
        # ministack removes every container that carries its label at start: never touch the user's daemon.
        "DOCKER_HOST": "unix:///nonexistent/llmstrat-sandbox.sock",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_STRICT": "0",
        "S3_PERSIST": "0",
        "PERSIST_STATE": "0",
    }


def serve(listener: socket.socket, *, with_additions: bool) -> None:
    """Serve until SIGTERM or SIGINT."""
    os.environ.update(settings(listener.getsockname()[1]))
    from ministack.app import app

    if with_additions:
        from llmstrat_iac.sandbox.emulator import additions

        additions.install_all()
    asyncio.run(_serve(app, listener))


async def _serve(app: object, listener: socket.socket) -> None:
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    from llmstrat_iac.sandbox.emulator.functions.pool import close_pool
    from llmstrat_iac.sandbox.fleet.process import stop_all

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = _SHUTDOWN_SECONDS
    config.loglevel = "WARNING"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await hypercorn_serve(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    finally:
        await stop_all()
        await close_pool()
