"""What a cluster must show before money is spent on it: floors for each instance family, with their sources.

`cluster.accept` measures against these; they travel in `job.json`.
"""

from __future__ import annotations

from typing import Any

from llmstrat_iac.catalog.instances import InstanceType
from llmstrat_iac.pretraining.contract import ResolvedPretraining
from llmstrat_iac.pretraining.storage import file_system_gib, has_file_system, throughput_gb_s

NETWORK_SHARE = 0.7
"""Of the network cards' line rate, as bus bandwidth of an all-reduce over several nodes. Ours: AWS measured 480 GB/s on
two p5, 377 on four p6-b200 and 654 on two p6-b300 at 16 GiB (awsome-distributed-ai @95b939c, aws-pcs/tests), against
line rates of 400, 400 and 800; healthy clusters stay well above 0.7 of it, and one that fell back to TCP far below."""
STORAGE_SHARE = 0.5
"""Of the file system's stated throughput: LZ4 and metadata take theirs, and bursts aren't counted on."""
_NVLINK_GB_S = {"p4d": 200.0, "p4de": 200.0, "p5": 400.0, "p5e": 400.0, "p5en": 400.0, "p6-b200": 600.0}
"""All-reduce on the eight GPUs of one node (awsome-distributed-ai @95b939c, 2.gpu-cluster-healthcheck). Of others no
figure is known: they are measured, and not judged."""


def gate(pretraining: ResolvedPretraining) -> dict[str, Any]:
    """The part `gate` of `job.json`. GB/s of 10^9 bytes; None isn't judged."""
    instance = pretraining.plan.instance
    stated = None
    if has_file_system(pretraining):
        stated = throughput_gb_s(pretraining, file_system_gib(pretraining))
    return {
        "gpus": instance.accelerators,
        "efa": instance.efa_interfaces if pretraining.plan.nodes > 1 else 0,
        "nodes_gb_s": network_floor(instance),
        "node_gb_s": _NVLINK_GB_S.get(instance.family) if instance.accelerators > 1 else None,
        "storage_gb_s": None if stated is None else round(stated * STORAGE_SHARE, 2),
    }


def network_floor(instance: InstanceType) -> float:
    """GB/s that an all-reduce over nodes of this type must reach."""
    return round(instance.network_gbps / 8 * NETWORK_SHARE, 1)
