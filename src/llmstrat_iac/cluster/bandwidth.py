"""How fast the nodes exchange data, over torch.distributed: as a whole, within each node, and from node to node.

Bus bandwidth is as NCCL's tests define it: 2 (n - 1) / n x size / time, so that it doesn't depend on the number of
ranks, and can be held against what a network card does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

Link = tuple[int, int, float]
"""From a node to a node, and GB/s; nodes by their place in the generation."""

_WARM_UPS = 2


def bus_bandwidth(size: int, ranks: int, seconds: float) -> float:
    """GB/s of 10^9 bytes."""
    return 2 * (ranks - 1) / ranks * size / seconds / 1e9


def all_reduce_gb_s(sizes: Sequence[int], *, device: str, repeats: int, group: Any = None) -> float:
    """The best bus bandwidth over these sizes, in bytes."""
    import torch
    from torch import distributed

    ranks, best = distributed.get_world_size(group), 0.0
    for size in sizes:
        tensor = torch.ones(size // 2, dtype=torch.bfloat16, device=device)
        for _ in range(_WARM_UPS):
            distributed.all_reduce(tensor, group=group)
        _synchronize(device)
        distributed.barrier(group)
        begin = time.perf_counter()
        for _ in range(repeats):
            distributed.all_reduce(tensor, group=group)
        _synchronize(device)
        best = max(best, bus_bandwidth(size, ranks, (time.perf_counter() - begin) / repeats))
    return best


def rounds(nodes: int) -> list[list[tuple[int, int]]]:
    """Pairs of neighbours in a ring; those of a round don't touch each other. Three rounds, however many nodes."""
    if nodes == len(("one", "other")):
        return [[(0, 1)]]
    ring = [(node, (node + 1) % nodes) for node in range(nodes)]
    last = [ring.pop()]
    return [ring[0::2], ring[1::2], last]


def measure_links(nodes: int, processes: int, size: int, *, device: str) -> list[Link]:
    """Both ways between neighbours, one pair a round for each node; what this rank received."""
    from torch import distributed

    rank = distributed.get_rank()
    node, place = divmod(rank, processes)
    found: list[Link] = []
    for pairs in rounds(nodes):
        pair = next((pair for pair in pairs if node in pair), None)
        for source, target in (pair, pair[::-1]) if pair else ():
            peer = (target if node == source else source) * processes + place
            seconds = _transfer(peer, size, sends=node == source, device=device)
            if node == target:
                found.append((source, target, size / seconds / 1e9))
        distributed.barrier()
    return found


def slow_nodes(links: Sequence[Link], floor: float) -> dict[int, str]:
    """Nodes that send or receive slower than the floor whomever they talk to, and the words for it.

    Between two nodes alone it can't be told which one is the cause: then both are named.
    """
    sending: dict[int, float] = {}
    receiving: dict[int, float] = {}
    for source, target, speed in links:
        sending[source] = max(sending.get(source, 0.0), speed)
        receiving[target] = max(receiving.get(target, 0.0), speed)
    slow: dict[int, str] = {}
    for words, speeds in (("sends", sending), ("receives", receiving)):
        for node, speed in sorted(speeds.items()):
            if speed < floor:
                said = f"{words} {speed:.3g} GB/s at best, less than {floor:.3g}"
                slow[node] = f"{slow[node]}, {said}" if node in slow else said
    return slow


def _transfer(peer: int, size: int, *, sends: bool, device: str) -> float:
    """Seconds that `size` bytes took to `peer`, or from it."""
    import torch
    from torch import distributed

    signal = torch.zeros(1, device=device)
    tensor = torch.zeros(size, dtype=torch.uint8, device=device)
    move = distributed.send if sends else distributed.recv
    move(signal, peer)  # Both are there, and connected.
    _synchronize(device)
    begin = time.perf_counter()
    move(tensor, peer)
    _synchronize(device)
    return max(time.perf_counter() - begin, 1e-9)


def _synchronize(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()
