"""Refuse every connection and name look-up that isn't loopback, in each Python whose PYTHONPATH holds this folder.

The sandbox puts it in front of its own processes and of the Lambda functions they run, so that a forgotten endpoint
fails there instead of reaching a real service. Standard library only: it runs in processes that have nothing else.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any

_LOCAL_NAMES = frozenset({"", "localhost", "0.0.0.0", "::"})  # noqa: S104 (names that mean this host, nothing is bound)


class LoopbackOnlyError(PermissionError):
    """A sandboxed process tried to reach another host."""


def is_loopback(host: object) -> bool:
    """Whether a host as given to connect() or getaddrinfo() stays on this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return name == socket.gethostname()


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not is_loopback(host):
        raise LoopbackOnlyError(f"the sandbox reaches loopback only, not `{host}`")


def install() -> None:
    """Refuse other hosts from here on, for this process's whole life (an audit hook can't be taken back)."""
    sys.addaudithook(_refuse)


if __name__ == "sitecustomize":
    install()
