"""The one listening socket of a sandbox process: bound to loopback, or inherited from the session that bound it.

A session binds before it spawns, so ports are known at once, two sessions never race for one, and early requests wait
in the queue until the process is up.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import Sequence

from llmstrat_iac.errors import SandboxError

LOOPBACK = "127.0.0.1"


def bind(port: int, *, purpose: str) -> socket.socket:
    """Listen on a loopback port (0: any free one); a busy port is a SandboxError that names it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise SandboxError(
            f"port {port} is taken: the sandbox's {purpose} can't listen on it ({error.strerror})",
            remedy="stop what listens there, or ask for another port (0 picks a free one)",
        ) from error
    listener.listen(512)
    return listener


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """The options that every sandbox process has: where to listen."""
    result = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    where = result.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, default=0, help="loopback port to listen on; 0 picks a free one")
    where.add_argument("--fd", type=int, help="file descriptor of a socket that already listens")
    return result


def listener_of(options: argparse.Namespace, *, purpose: str) -> socket.socket:
    """The socket the options ask for."""
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    return bind(options.port, purpose=purpose)


def parse(program: str, description: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the options of a process that has no others."""
    return parser(program, description).parse_args(arguments)
