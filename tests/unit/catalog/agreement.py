"""Reads published measurements of GPU memory and compares sizing with them; the figures of `docs/sizing.md`."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.open_models import find_model
from llmstrat_iac.catalog.sizing.contract import Fit, Memory, ServingNeed, TrainingNeed
from llmstrat_iac.catalog.sizing.serving_memory import serving_memory
from llmstrat_iac.catalog.sizing.speed import Range, serving_tokens_per_second, training_tokens_per_second
from llmstrat_iac.catalog.sizing.trainers import TRL, Trainer
from llmstrat_iac.catalog.sizing.training_memory import training_memory

DATA = Path(__file__).with_name("data")
GIB = 2**30
OTHERS = {
    # The model's config.json on the hub; too little known for the catalogue.
    "ibm/PowerLM-3b": Architecture(40, 2304, 36, 36, 64, 9216, 49152, 4096, tied_embeddings=True),
}
RUNTIME = ("CUDA", "CUDA and NCCL", "allocator")

_WIDE = {"lora": 16.0, "qlora": 16.0}
_FOREACH = 4
"""Bytes a 32-bit parameter, and half as many a 16-bit one, that AdamW's step took before it was fused."""
TRAINERS = {
    "trl": TRL,
    # transformers' own loss, before its version 5, PEFT's 32-bit adapters.
    "hf": Trainer(logit_bytes=14, four_bit_experts=True, adapter_bytes=_WIDE),
    "hf-kbit": Trainer(logit_bytes=14, hidden_bytes=4, embedding_bytes=4, four_bit_experts=True, adapter_bytes=_WIDE),
    "hf-chunked": Trainer(adapter_bytes=_WIDE, accumulates=False, step_bytes=_FOREACH),
    "hf-16bit": Trainer(
        logit_bytes=14, state_bytes=6, gradient_bytes=2, accumulates=False, step_bytes=_FOREACH / 2, cast_bytes=0
    ),
    # No checkpointing on one GPU, everything in bfloat16 (litgpt/finetune/lora.py, `bf16-true`).
    "litgpt": Trainer(
        checkpointing=False,
        logit_bytes=14,
        adapter_bytes={"lora": 8, "qlora": 8},
        state_bytes=6,
        gradient_bytes=2,
        cast_bytes=0,
    ),
}


@dataclass(frozen=True)
class Verdict:
    """A published outcome beside ours."""

    name: str
    fits: bool
    predicted: bool


@dataclass(frozen=True)
class Amount:
    """A published amount beside ours, in the same unit."""

    name: str
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        return self.predicted - self.measured

    @property
    def relative(self) -> float:
        return self.error / self.measured


def serving_amounts(part: str) -> list[Amount]:
    """GiB a GPU of `weights`, `activations` or `runtime`; activations as vLLM has had them since 0.17."""
    ours = {"weights": "weights", "activations": "activations", "runtime": "CUDA and NCCL"}[part]
    amounts = []
    for row in _rows("serving_memory.csv"):
        if row[f"{part}_gib"]:
            need = ServingNeed(_shape(row["model"]), row["quantization"], context=8192, concurrency=1)
            memory = serving_memory(
                need, _instance(row["instance"]), int(row["tensor_parallel"]), sequences=int(row["sequences"])
            )
            name = f"{row['model']} {row['quantization']} x{row['tensor_parallel']}"
            amounts.append(Amount(name, float(row[f"{part}_gib"]), dict(memory.parts)[ours]))
    return amounts


def serving_verdicts() -> list[Verdict]:
    """Whether it fits, with the tensor-parallel size and load of the source."""
    verdicts = []
    for row in _rows("serving_fits.csv"):
        need = ServingNeed(_shape(row["model"]), row["quantization"], int(row["context"]), int(row["concurrency"]))
        instance = _instance(row["instance"], row["gpu_gib"])
        memory = serving_memory(need, instance, int(row["tensor_parallel"]))
        if row["utilization"]:
            memory = replace(memory, available=float(row["utilization"]) * instance.cuda_gib)
        name = f"{row['model']} {row['quantization']} {row['instance']} x{row['tensor_parallel']} {row['context']}"
        verdicts.append(Verdict(name, row["fits"] == "yes", memory.headroom >= 0))
    return verdicts


def training_amounts() -> list[Amount]:
    """GB a GPU, as the source counts: what PyTorch allocated, or all that the GPU held."""
    return [
        Amount(_training_name(row), float(row["gb"]), _gigabytes(_training(row), row["measures"]))
        for row in _rows("training_memory.csv")
        if row["gb"]
    ]


def training_verdicts() -> list[Verdict]:
    """Whether it fits, with the micro batch and GPUs of the source."""
    return [
        Verdict(_training_name(row), row["fits"] == "yes", _training(row).headroom >= 0)
        for row in _rows("training_memory.csv")
    ]


@dataclass(frozen=True)
class Speed:
    """A published speed in tokens a second beside our range."""

    name: str
    measured: float
    predicted: Range

    @property
    def inside(self) -> bool:
        return self.predicted.low <= self.measured <= self.predicted.high


def speeds(kind: str) -> list[Speed]:
    """Of `serving` (output tokens of a replica) or `training` (all GPUs together)."""
    found = []
    for row in _rows("speed.csv"):
        if row["kind"] != kind:
            continue
        instance, shape, gpus = _instance(row["instance"]), _shape(row["model"]), int(row["gpus"])
        fit = Fit(instance, gpus, Memory((), 0), AwsPrice("hour", None, "", ""), sharded=gpus > 1)
        if kind == "serving":
            predicted = serving_tokens_per_second(
                ServingNeed(shape, row["how"], context=8192, concurrency=int(row["concurrency"])),
                fit,
                input_tokens=int(row["input_tokens"]),
                output_tokens=int(row["output_tokens"]),
            )
        else:
            predicted = training_tokens_per_second(TrainingNeed(shape, row["how"], max_length=4096, rank=16), fit)
        assert predicted is not None
        name = f"{row['model']} {row['how']} x{gpus} {row['concurrency']}".strip()
        found.append(Speed(name, float(row["tokens_per_second"]), predicted))
    return found


def right(verdicts: list[Verdict]) -> float:
    """Share of the verdicts that agree."""
    return sum(verdict.fits == verdict.predicted for verdict in verdicts) / len(verdicts)


def spread(amounts: list[Amount]) -> tuple[float, float, float, float]:
    """Median and 90th percentile of the error's size, absolute and relative."""
    return (
        statistics.median(abs(amount.error) for amount in amounts),
        _percentile([abs(amount.error) for amount in amounts]),
        statistics.median(abs(amount.relative) for amount in amounts),
        _percentile([abs(amount.relative) for amount in amounts]),
    )


def _training(row: dict[str, str]) -> Memory:
    need = TrainingNeed(
        architecture=_shape(row["model"]),
        method=row["method"],
        max_length=int(row["max_length"]),
        rank=int(row["rank"]),
        pairs="two sequences" in row["note"],
        target_modules=tuple(row["target_modules"].split()),
    )
    return training_memory(
        need,
        _instance("p4de.24xlarge", row["gpu_gib"]),
        gpus=int(row["gpus"]),
        micro_batch_size=int(row["micro_batch_size"]),
        sharded=row["sharded"] == "yes",
        trainer=TRAINERS[row["trainer"]],
    )


def _training_name(row: dict[str, str]) -> str:
    batch = f"{row['micro_batch_size']}x{row['max_length']}"
    return f"{row['model']} {row['method']} {batch} on {row['gpus']} ({row['trainer']})"


def _gigabytes(memory: Memory, measures: str) -> float:
    counted = [gib for name, gib in memory.parts if measures == "total" or name not in RUNTIME]
    return sum(counted) * GIB / 1e9


def _percentile(values: list[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[8]


def _shape(model: str) -> Architecture:
    if model in OTHERS:
        return OTHERS[model]
    known = find_model(model)
    assert known is not None, model
    return known.architecture


def _instance(name: str, gpu_gib: str = "") -> InstanceType:
    known = find_instance(name)
    assert known is not None, name
    return replace(known, cuda_gib=float(gpu_gib)) if gpu_gib else known


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
