"""What training reaches on a GPU, from `accelerators.csv`: shares of the data sheet's peak, links, power.

The peak itself, memory and its bandwidth are in `catalog.instances`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.catalog.instances import InstanceType


@dataclass(frozen=True)
class TrainingGpu:
    """A GPU as training sees it."""

    matmul_share: float
    """Of the dense peak, in large 16-bit matrix products."""
    attention_share: float
    """Of the same peak, in flash attention."""
    link_gb_s: float
    """To the node's other GPUs, one direction: NVLink, or PCIe."""
    bandwidth_gb_s: float
    """Of its memory."""
    peak: float
    """Dense 16-bit operations a second."""
    board_watts: float
    """At most, by the data sheet."""
    measured: bool
    """Whether published runs on this GPU stand behind the shares."""


@lru_cache(maxsize=64)
def training_gpu(instance: InstanceType) -> TrainingGpu | None:
    """None if too little is known of the GPU, or if it has no bfloat16."""
    row = _rows().get(instance.accelerator)
    bandwidth = instance.bandwidth_gb_s or (float(row["bandwidth_gb_s"] or 0) if row else 0)
    if row is None or not bandwidth or instance.bf16_tflops is None:
        return None
    return TrainingGpu(
        matmul_share=float(row["matmul_share"]),
        attention_share=float(row["attention_share"]),
        link_gb_s=float(row["link_gb_s"]),
        bandwidth_gb_s=bandwidth,
        peak=instance.bf16_tflops * 1e12,
        board_watts=float(row["board_watts"]),
        measured=row["measured"] == "yes",
    )


@lru_cache(maxsize=1)
def _rows() -> dict[str, dict[str, str]]:
    with Path(__file__).with_name("accelerators.csv").open(encoding="utf-8", newline="") as file:
        return {row["accelerator"]: row for row in csv.DictReader(file)}
