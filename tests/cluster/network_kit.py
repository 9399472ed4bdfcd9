"""Hosts as network namespaces on one machine, joined by a bridge that is in a namespace of its own.

Nothing is made outside of these namespaces, so that no other interface of the machine is touched.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

PREFIX = "llmstrat-"
_numbers = itertools.count(1)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@dataclass
class Host:
    """A network namespace with one interface, `lan0`."""

    name: str
    namespace: str
    address: str
    processes: list[subprocess.Popen[bytes]]

    def start(self, command: list[str], log: Path, **environ: str) -> subprocess.Popen[bytes]:
        """A process that has nothing but this host's network."""
        with log.open("ab") as file:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *command],
                env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environ},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def pids(self) -> list[int]:
        return [int(pid) for pid in run("ip", "netns", "pids", self.namespace).split()]

    def kill(self) -> None:
        """What a node does whose power fails: all of its processes at once, without a word."""
        while pids := self.pids():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        for process in self.processes:
            process.wait(timeout=30)

    def throttle(self, rate: str) -> None:
        """Let its interface send no faster, such as `20mbit`."""
        shape = ("tbf", "rate", rate, "burst", "64kb", "latency", "200ms")
        run("ip", "netns", "exec", self.namespace, "tc", "qdisc", "add", "dev", "lan0", "root", *shape)


class Lan:
    """Hosts on one bridge."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex[:6]
        self._switch = f"{PREFIX}{self._id}-switch"
        self.hosts: list[Host] = []
        run("ip", "netns", "add", self._switch)
        self._in_switch("ip", "link", "add", "bridge0", "type", "bridge")
        self._in_switch("ip", "link", "set", "bridge0", "up")

    def add(self, name: str) -> Host:
        """One more host, by a name that isn't taken."""
        number = len(self.hosts) + 1
        host = Host(name, f"{PREFIX}{self._id}-{number}", f"10.87.0.{10 + number}", [])
        run("ip", "netns", "add", host.namespace)
        self.hosts.append(host)
        inside = ("ip", "netns", "exec", host.namespace, "ip")
        port = f"port{number}"
        self._in_switch("ip", "link", "add", port, "type", "veth", "peer", "name", "lan0", "netns", host.namespace)
        self._in_switch("ip", "link", "set", port, "master", "bridge0", "up")
        run(*inside, "addr", "add", f"{host.address}/24", "dev", "lan0")
        run(*inside, "link", "set", "lan0", "up")
        run(*inside, "link", "set", "lo", "up")
        return host

    def close(self) -> None:
        """End all processes and remove all namespaces; with them their interfaces go."""
        for host in self.hosts:
            host.kill()
            run("ip", "netns", "del", host.namespace)
        run("ip", "netns", "del", self._switch)

    def left_over(self) -> list[str]:
        """Namespaces of this network that are still there."""
        return [line for line in namespaces() if self._id in line]

    def _in_switch(self, *command: str) -> None:
        run("ip", "netns", "exec", self._switch, *command)


def namespaces() -> list[str]:
    """All that these tests make."""
    names = (line.split()[0] for line in run("ip", "netns", "list").splitlines() if line)
    return [name for name in names if name.startswith(PREFIX)]


def why_impossible() -> str | None:
    """What is missing here for namespaces; None if nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root: run `sudo make test-cluster`"
    missing = [tool for tool in ("ip", "tc") if shutil.which(tool) is None]
    return f"{' and '.join(missing)} not found: install the package iproute2" if missing else None
