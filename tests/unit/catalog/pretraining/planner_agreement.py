"""Reads published speeds and memory of pre-training and compares the planner with them; docs/pretraining-planner.md."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.pretraining.accelerators import TrainingGpu, training_gpu
from llmstrat_iac.catalog.pretraining.contract import Degrees, Run
from llmstrat_iac.catalog.pretraining.engines import TORCHTITAN, Engine
from llmstrat_iac.catalog.pretraining.memory import gpu_memory
from llmstrat_iac.catalog.pretraining.presets import find_preset
from llmstrat_iac.catalog.pretraining.speed import step_time
from llmstrat_iac.catalog.pretraining.workload import workload

DATA = Path(__file__).with_name("data")
MPT_VOCABULARY = 50368
MPT = {"1b": (24, 2048, 16), "3b": (32, 2560, 20), "7b": (32, 4096, 32), "13b": (40, 5120, 40), "30b": (48, 7168, 56)}
MPT["70b"] = (80, 8192, 64)
LLAMA_2 = {"llama2-7b": "7b", "llama2-13b": "13b", "llama2-70b": "70b"}

# Composer's FSDP reduces in 16 bits and doesn't gather again in a pass that follows; whole logits.
LLM_FOUNDRY = Engine("llm-foundry", reduce_bytes=2, loss_chunks=1)
TORCHTITAN_2024 = replace(TORCHTITAN, loss_chunks=1)
# Megatron-Core: one exchange a step, no stage gathered twice, fused kernels, tensor parallelism's communication half
# hidden.
MEGATRON = replace(
    TORCHTITAN,
    outer_layers=0,
    syncs_micro_batches=False,
    gathers=1,
    active_stages=99,
    reduce_bytes=4,
    compiled_passes=4,
    fp8_gain=1.7,
    tensor_exposed=0.5,
)


@dataclass(frozen=True)
class Case:
    """A published figure beside ours."""

    name: str
    group: str
    measured: float
    predicted: float

    @property
    def relative(self) -> float:
        """Of the published one."""
        return self.predicted / self.measured - 1


def speeds() -> list[Case]:
    """Tokens a second and GPU."""
    return [
        Case(_name(row), row["group"], float(row["tokens_per_second_gpu"]), _tokens_per_second_gpu(row))
        for row in rows()
    ]


def peaks() -> list[Case]:
    """GiB a GPU, the allocator's reserve included, the context not."""
    return [Case(_name(row), row["group"], float(row["peak_gib"]), _peak(row)) for row in rows() if row["peak_gib"]]


def spread(cases: list[Case]) -> tuple[float, float]:
    """Median and 90th percentile of the relative error's size."""
    errors = [abs(case.relative) for case in cases]
    return statistics.median(errors), statistics.quantiles(errors, n=10, method="inclusive")[8]


def rows() -> Iterator[dict[str, str]]:
    """Of the speeds."""
    with (DATA / "throughput.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _tokens_per_second_gpu(row: dict[str, str]) -> float:
    run, degrees = _run(row), _degrees(row)
    instance = _instance(row)
    step = step_time(workload(run), degrees, instance, _gpu(row, instance), micro_batch=int(row["micro_batch"]))
    return run.batch_sequences * run.sequence_length / step.seconds / degrees.gpus


def _peak(row: dict[str, str]) -> float:
    degrees, micro = _degrees(row), int(row["micro_batch"])
    memory = gpu_memory(
        workload(_run(row)),
        degrees,
        _instance(row),
        micro_batch=micro,
        micro_batches=int(row["batch"]) // degrees.data // micro,
    )
    return sum(gib for name, gib in memory.parts if name != "CUDA and NCCL")


def _engine(row: dict[str, str]) -> Engine:
    name = row["engine"].partition("-")[0]
    if name == "megatron":
        return MEGATRON
    if name == "torchtitan":
        return replace(TORCHTITAN_2024, tensor_exposed=0.5 if row["engine"].endswith("async") else 1.0)
    return LLM_FOUNDRY


def _run(row: dict[str, str]) -> Run:
    return Run(
        architecture=shape(row["model"]),
        tokens=10**12,
        sequence_length=int(row["sequence_length"]),
        batch_sequences=int(row["batch"]),
        precision=row["precision"],
        compile=row["compile"] == "yes",
        checkpoints=True,
        checkpoint_steps=None,
        engine=_engine(row),
    )


def _degrees(row: dict[str, str]) -> Degrees:
    names = ("replicate", "shard", "tensor", "pipeline", "context")
    stages = row["engine"].partition("megatron-")[2] or "1"
    return Degrees(*(int(row[name]) for name in names), activations=row["activations"], interleaved=int(stages))


def _instance(row: dict[str, str]) -> InstanceType:
    known = find_instance(row["instance"])
    assert known is not None, row["instance"]
    gib = float(row["gpu_gib"] or known.cuda_gib)
    return replace(known, network_gbps=float(row["network_gbps"]), cuda_gib=gib)


def _gpu(row: dict[str, str], instance: InstanceType) -> TrainingGpu:
    gpu = training_gpu(instance)
    assert gpu is not None
    # A GPU held below its power loses clock by about the square root: dynamic power rises with its cube or less.
    clock = (float(row["watts"]) / gpu.board_watts) ** 0.5 if row["watts"] else 1.0
    return replace(gpu, peak=gpu.peak * clock, bandwidth_gb_s=float(row["bandwidth_gb_s"] or gpu.bandwidth_gb_s))


@lru_cache(maxsize=64)
def shape(name: str) -> Architecture:
    """Of a preset, an MPT (two matrices, tied embeddings) or a Llama 2."""
    if name.startswith("mpt-"):
        layers, hidden, heads = MPT[name.removeprefix("mpt-")]
        return Architecture(
            layers, hidden, heads, heads, hidden // heads, 4 * hidden, MPT_VOCABULARY, 65536, True, gated_mlp=False
        )
    preset = find_preset(f"meta-llama/Llama-2-{LLAMA_2[name]}-hf" if name in LLAMA_2 else name)
    assert preset is not None, name
    return preset.architecture


def _name(row: dict[str, str]) -> str:
    kind = " ".join(
        f"{short}{row[name]}"
        for short, name in (("TP", "tensor"), ("PP", "pipeline"), ("CP", "context"))
        if row[name] != "1"
    )
    gpus = f"{row['gpus']} x {row['instance'].partition('.')[0]}"
    return f"{row['name']} {row['precision']} {row['sequence_length']} {row['activations']} {kind} on {gpus}"
