"""torchrun for one generation: its command line, and what NCCL, libfabric and gloo are told about the network.

The set of nodes is fixed for each start, and a loss is answered by another generation, not by torchrun's own restarts:
those need the first host, whose store is the rendezvous, to be the one that survives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .generation import Generation, Member

_PORTS = 100
"""A new generation doesn't meet what the last one left behind in a port."""
_JOIN_SECONDS = 3600
"""Nodes that fetch their checkpoint are ready at different times."""


def torchrun_command(
    generation: Generation, me: Member, program: Sequence[str], *, processes: int, port: int, job: str
) -> list[str]:
    """Arguments after the interpreter: `program` on each of its processes."""
    first = generation.first
    return [
        "-m",
        "torch.distributed.run",
        f"--nnodes={len(generation.members)}",
        f"--nproc-per-node={processes}",
        "--max-restarts=0",
        f"--rdzv-id={job}-{generation.number}",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={first.address}:{port + generation.number % _PORTS}",
        f"--rdzv-conf=is_host={1 if me == first else 0},join_timeout={_JOIN_SECONDS}",
        f"--local-addr={me.address}",
        *program,
    ]


def program(entry: Mapping[str, Any]) -> list[str]:
    """What Python is given for `trainer` or `export` of `job.json`: a module, or a script beside it, and arguments."""
    start = ["-m", entry["module"]] if "module" in entry else [entry["script"]]
    return [*start, *entry["arguments"]]


def network_environment(interface: str | None, *, cpu: bool, given: Mapping[str, str]) -> dict[str, str]:
    """For libfabric from 1.18 and aws-ofi-nccl from 1.7 (awsome-distributed-ai @95b939c, efa-cheatsheet.md), which
    find out everything else by themselves: what older guides set (FI_EFA_USE_DEVICE_RDMA, NCCL_PROTO, RDMAV_*) slows
    them down. What the environment gives already is left as it is.
    """
    found = {
        # Huge pages don't survive a fork: data loaders would die.
        "FI_EFA_USE_HUGE_PAGE": "0",
        "NCCL_SOCKET_IFNAME": "^docker,lo,veth",
        "NCCL_DEBUG": "WARN",
    }
    if cpu:
        found = {}
    if interface is not None:
        found["GLOO_SOCKET_IFNAME"] = interface
    return {name: given.get(name, value) for name, value in found.items()}
