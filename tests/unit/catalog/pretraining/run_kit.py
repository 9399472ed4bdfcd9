"""Runs and wishes of the planner's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.aws_prices import AwsPrice
from llmstrat_iac.catalog.gpu_prices import ec2_price
from llmstrat_iac.catalog.instances import InstanceType, find_instance
from llmstrat_iac.catalog.pretraining.contract import ClusterPlan, Degrees, Run, Search, Wish
from llmstrat_iac.catalog.pretraining.presets import find_preset
from llmstrat_iac.catalog.pretraining.search import search

BLOOMBERG = Degrees(1, 512, 1, 1, 1, "full")


def shape(name: str) -> Architecture:
    preset = find_preset(name)
    assert preset is not None, name
    return preset.architecture


def instance(name: str) -> InstanceType:
    known = find_instance(name)
    assert known is not None, name
    return known


def run(preset: str = "llama-8b", **changes: Any) -> Run:
    usual = Run(
        architecture=shape(preset),
        tokens=10**12,
        sequence_length=8192,
        batch_sequences=512,
        precision="bf16",
        compile=True,
        checkpoints=True,
        checkpoint_steps=None,
    )
    return replace(usual, **changes)


def bloomberg(**changes: Any) -> Run:
    usual = {"tokens": 569 * 10**9, "sequence_length": 2048, "batch_sequences": 2048, "compile": False}
    return run("bloomberggpt-50b", **(usual | changes))


def price(each: InstanceType) -> AwsPrice:
    return ec2_price(each.name, "us-east-1")


def find(asked: Run, *, on: str | None = None, nodes: int | None = None, **wish: Any) -> Search:
    return search(asked, Wish(instance(on) if on else None, nodes, **wish), price=price)


def plan(asked: Run, *, on: str = "p5.48xlarge", nodes: int = 8, **wish: Any) -> ClusterPlan:
    best = find(asked, on=on, nodes=nodes, **wish).best
    assert best is not None
    return best


def refusal(asked: Run, *, on: str = "p5.48xlarge", nodes: int = 8) -> str:
    found = find(asked, on=on, nodes=nodes)
    assert found.best is None
    return found.refused[0].reason
