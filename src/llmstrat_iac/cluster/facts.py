"""What a node says of itself, without torch: its GPUs, its EFA devices, what NCCL chose, and how fast its disk is."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_BLOCK = 8 * 2**20
_EFA = re.compile(r"NET/OFI Selected provider is efa\b")
_SOCKET = re.compile(r"Using network Socket|NET/Socket : Using|NET/OFI Selected provider is (?!efa\b)")


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def count_gpus(output: Callable[[list[str]], str] = _output) -> int:
    """By `nvidia-smi -L`; a GPU that has fallen off the bus isn't in it."""
    return sum(line.startswith("GPU ") for line in output(["nvidia-smi", "-L"]).splitlines())


def count_efa(output: Callable[[list[str]], str] = _output) -> int:
    """By libfabric's own list of endpoints, one for each device."""
    command = ["fi_info", "-p", "efa", "-t", "FI_EP_RDM"]
    installed = Path("/opt/amazon/efa/bin/fi_info")
    text = output([str(installed) if installed.exists() else command[0], *command[1:]])
    return len(set(re.findall(r"domain:\s*(\S+)", text)))


def network_of(log: str) -> str | None:
    """`efa`, or `tcp` if NCCL fell back to sockets, by its log; None if that says neither."""
    if _EFA.search(log):
        return "efa"
    return "tcp" if _SOCKET.search(log) else None


def throughput(folder: Path, size: int, rank: int) -> tuple[float, float]:
    """GB/s written to a folder and read from it, past the page cache as far as the file system lets us."""
    folder.mkdir(parents=True, exist_ok=True)
    path, block = folder / f".llmstrat-accept-{rank}", os.urandom(_BLOCK)
    try:
        begin = time.perf_counter()
        with path.open("wb", buffering=0) as file:
            for _ in range(max(size // _BLOCK, 1)):
                file.write(block)
            os.fsync(file.fileno())
        written = time.perf_counter() - begin
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        begin = time.perf_counter()
        while os.read(descriptor, _BLOCK):
            pass
        os.close(descriptor)
        read = time.perf_counter() - begin
    finally:
        path.unlink(missing_ok=True)
    total = max(size // _BLOCK, 1) * _BLOCK / 1e9
    return total / max(written, 1e-9), total / max(read, 1e-9)
