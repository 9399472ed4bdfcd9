"""GPU instance types, from `instances.csv`: accelerators, memory, network, and prices by region where known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InstanceType:
    """An EC2 instance type with GPUs. SageMaker's `ml.NAME` is the same hardware."""

    name: str
    family: str
    accelerator: str
    accelerators: int
    accelerator_gib: float
    """What EC2 reports for each: 22.4 for a 24 GB L4."""
    vcpus: int
    memory_gib: float
    nvme_gb: float
    network_gbps: float
    """Sustained; small sizes burst above it."""
    efa_interfaces: int
    bf16_tflops: float | None
    """Dense, for each; None if the GPU has no bf16."""
    fp16_tflops: float | None
    bandwidth_gb_s: float | None
    """Of each accelerator's memory."""
    source: str
    as_of: str
