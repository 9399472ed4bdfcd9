"""GPU instance types, from `instances.csv` and `accelerators.csv`: accelerators, memory, network, speed.

NVIDIA only: what is trained and served here runs on CUDA. Prices are in `gpu_prices`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


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
    """Dense, for each; None if the GPU has no bf16, or if unknown."""
    fp16_tflops: float | None
    bandwidth_gb_s: float | None
    """Of each accelerator's memory."""
    source: str
    as_of: str
    cuda_gib: float
    """What CUDA offers of each accelerator's memory: less than EC2 reports, by ECC and firmware."""
    compute_capability: float
    """CUDA's generation: 8.0 and above have bf16, 8.9 and above multiply in fp8."""

    @property
    def sixteen_bit(self) -> str:
        """The 16-bit format that it computes in: `bfloat16`, or `float16` before Ampere."""
        return "bfloat16" if self.compute_capability >= 8.0 else "float16"

    @property
    def tflops(self) -> float | None:
        """Dense, in that format, for each accelerator."""
        return self.bf16_tflops if self.sixteen_bit == "bfloat16" else self.fp16_tflops


def find_instance(name: str) -> InstanceType | None:
    """By EC2's name, or SageMaker's (`ml.g5.xlarge`); None if it isn't known."""
    return _by_name().get(name.removeprefix("ml."))


@lru_cache(maxsize=1)
def instances() -> tuple[InstanceType, ...]:
    """All known GPU instance types, family by family."""
    accelerators = {row["accelerator"]: row for row in _rows("accelerators.csv")}
    return tuple(_instance(row, accelerators[row["accelerator"]]) for row in _rows("instances.csv"))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, InstanceType]:
    return {each.name: each for each in instances()}


def _rows(name: str) -> Iterator[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _instance(row: dict[str, str], gpu: dict[str, str]) -> InstanceType:
    return InstanceType(
        name=row["name"],
        family=row["name"].partition(".")[0],
        accelerator=row["accelerator"],
        accelerators=int(row["accelerators"]),
        accelerator_gib=float(row["accelerator_gib"]),
        vcpus=int(row["vcpus"]),
        memory_gib=float(row["memory_gib"]),
        nvme_gb=float(row["nvme_gb"]),
        network_gbps=float(row["network_gbps"]),
        efa_interfaces=int(row["efa_interfaces"]),
        bf16_tflops=_number(gpu["bf16_tflops"]),
        fp16_tflops=_number(gpu["fp16_tflops"]),
        bandwidth_gb_s=_number(gpu["bandwidth_gb_s"]),
        source=row["source"],
        as_of=row["as_of"],
        cuda_gib=float(row["accelerator_gib"]) * float(gpu["cuda_share"]),
        compute_capability=float(gpu["compute_capability"]),
    )


def _number(cell: str) -> float | None:
    return float(cell) if cell else None
