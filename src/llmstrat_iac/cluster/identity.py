"""Who this node is: by SageMaker's resourceconfig.json, by Slurm's environment, or by EC2's metadata."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..trainer.spot import read_metadata

_SIOCGIFADDR = 0x8915
"""Linux: the IPv4 address of a network interface."""


@dataclass(frozen=True)
class Identity:
    """This node, as the others come to know it."""

    host: str
    address: str
    interface: str | None
    """The network interface that has the address; None if it isn't found."""
    expected: int | None
    """How many nodes whoever started them has started; None on EC2, where they come and go."""


def find_identity(environ: Mapping[str, str]) -> Identity:
    """LLMSTRAT_HOST, LLMSTRAT_ADDRESS and LLMSTRAT_INTERFACE, then what the place says."""
    host, expected, interface = _named(environ)
    interface = environ.get("LLMSTRAT_INTERFACE", interface)
    address = environ.get("LLMSTRAT_ADDRESS") or (interface_address(interface) if interface else None)
    address = address or read_metadata("local-ipv4") if host.startswith("i-") else address
    address = address or socket.gethostbyname(host)
    return Identity(host, address, interface or _interface_of(address), expected)


def _named(environ: Mapping[str, str]) -> tuple[str, int | None, str | None]:
    """Host, number of hosts, interface."""
    config = Path(environ.get("LLMSTRAT_ML_ROOT", "/opt/ml")) / "input" / "config" / "resourceconfig.json"
    if config.exists():
        resources = json.loads(config.read_text(encoding="utf-8"))
        return resources["current_host"], len(resources["hosts"]), resources.get("network_interface_name")
    if "SLURM_JOB_NODELIST" in environ:
        hosts = slurm_hosts(environ["SLURM_JOB_NODELIST"])
        host = environ.get("SLURMD_NODENAME") or hosts[int(environ.get("SLURM_NODEID", "0"))]
        return host, len(hosts), None
    named = environ.get("LLMSTRAT_HOST")
    return named or read_metadata("instance-id") or socket.gethostname(), None, None


def slurm_hosts(nodes: str, run: Callable[..., str] = subprocess.check_output) -> list[str]:
    """`node-[1-3]` in full; Slurm's own command knows its grammar."""
    return run(["scontrol", "show", "hostnames", nodes], text=True).split()


def interface_address(interface: str) -> str | None:
    """Its IPv4 address; None if it has none, or isn't there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", interface[:15].encode()))
        except OSError:
            return None
    return socket.inet_ntoa(answer[20:24])


def _interface_of(address: str) -> str | None:
    names = [name for _, name in socket.if_nameindex()] if os.name == "posix" else []
    return next((name for name in names if interface_address(name) == address), None)
