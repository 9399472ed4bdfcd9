"""The acceptance gate's measurements; torchrun starts it on every node as it will start the trainer.

It measures and doesn't judge (`gate.py` does): GPUs, EFA devices, all-reduce within each node and over all of them,
what NCCL says it runs over, links between nodes if the whole is slow, the file system. The first rank writes it down.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from .bandwidth import all_reduce_gb_s, measure_links
from .facts import count_efa, count_gpus, network_of, throughput

_GIB, _MIB = 2**30, 2**20
_GPU_SIZES = (1 * _GIB, 2 * _GIB, 4 * _GIB, 8 * _GIB)
_CPU_SIZES = (1 * _MIB, 4 * _MIB)
_SECONDS = 300


def main() -> None:
    """Measure, and write LLMSTRAT_RESULT."""
    import torch
    from torch import distributed

    gpu = os.environ.get("LLMSTRAT_CPU") != "1"
    local, processes = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    device = f"cuda:{local}" if gpu else "cpu"
    facts: dict[str, Any] = {"node": int(os.environ["RANK"]) // processes}
    if local == 0:
        facts |= {"gpus": count_gpus() if gpu else 0, "efa": count_efa() if gpu else 0}
    if gpu:
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if gpu else "gloo", timeout=timedelta(seconds=_SECONDS))
    try:
        result = _measure(facts, device=device, gpu=gpu, processes=processes)
        if distributed.get_rank() == 0:
            Path(os.environ["LLMSTRAT_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def _measure(facts: dict[str, Any], *, device: str, gpu: bool, processes: int) -> dict[str, Any]:
    from torch import distributed

    world, local = distributed.get_world_size(), int(os.environ["LOCAL_RANK"])
    nodes = world // processes
    sizes, repeats = (_GPU_SIZES, 5) if gpu else (_CPU_SIZES, 2)
    if processes > 1:
        groups = [distributed.new_group(range(node * processes, (node + 1) * processes)) for node in range(nodes)]
        own = groups[facts["node"]]
        facts["node_gb_s"] = all_reduce_gb_s(sizes, device=device, repeats=repeats, group=own)
    whole = all_reduce_gb_s(sizes, device=device, repeats=repeats) if nodes > 1 else None
    links = []
    if whole is not None and whole < float(os.environ["LLMSTRAT_FLOOR"]):
        links = measure_links(nodes, processes, _GIB // 4 if gpu else _MIB, device=device)
    if local == 0:
        facts["network"] = network_of(_nccl_log()) if nodes > 1 else None
        size = int(os.environ.get("LLMSTRAT_ACCEPT_BYTES", _GIB))
        distributed.barrier()
        facts["write_gb_s"], facts["read_gb_s"] = throughput(
            Path(os.environ["LLMSTRAT_CHECKPOINTS"]), size, distributed.get_rank()
        )
    else:
        distributed.barrier()
    gathered: list[Any] = [None] * world
    distributed.all_gather_object(gathered, (facts, links))
    return {
        "all_reduce_gb_s": whole,
        "nodes": [each for each, _ in gathered if "gpus" in each],
        "links": _together([link for _, found in gathered for link in found]),
    }


def _together(links: list[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    """What all processes of a node move at once."""
    total: dict[tuple[int, int], float] = {}
    for source, target, speed in links:
        total[source, target] = total.get((source, target), 0.0) + speed
    return [(source, target, speed) for (source, target), speed in sorted(total.items())]


def _nccl_log() -> str:
    """What NCCL wrote on this node (NCCL_DEBUG_FILE)."""
    pattern = os.environ.get("NCCL_DEBUG_FILE")
    if not pattern:
        return ""
    folder = Path(pattern).parent
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("nccl.*"))


if __name__ == "__main__":
    main()
