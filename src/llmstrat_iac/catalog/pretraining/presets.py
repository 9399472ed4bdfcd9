"""Shapes that are known by a name (`llama-1b`), from `presets.csv`: what `architecture.preset` may be.

A hub id of a known open model names its shape as well.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from llmstrat_iac.catalog.architecture import Architecture
from llmstrat_iac.catalog.open_models import architecture_of, find_model
from llmstrat_iac.spec.pretraining import ModelShape


@dataclass(frozen=True)
class Preset:
    """An architecture with a name."""

    name: str
    title: str
    architecture: Architecture
    source: str
    as_of: str


@lru_cache(maxsize=1)
def presets() -> tuple[Preset, ...]:
    """All of them, the smallest first."""
    with Path(__file__).with_name("presets.csv").open(encoding="utf-8", newline="") as file:
        found = [_preset(row) for row in csv.DictReader(file)]
    return tuple(sorted(found, key=lambda each: each.architecture.parameters))


def find_preset(name: str) -> Preset | None:
    """By its name, or by the hub id of a known open model; None if neither is known."""
    for each in presets():
        if each.name == name:
            return each
    model = find_model(name)
    return None if model is None else Preset(model.id, model.id, model.architecture, model.source, model.as_of)


def architecture_of_shape(shape: ModelShape) -> Architecture | None:
    """What a spec's `architecture:` describes; None if its preset isn't known."""
    if shape.shape is not None:
        return architecture_of(shape.shape)
    preset = find_preset(shape.preset or "")
    return None if preset is None else preset.architecture


def _preset(row: dict[str, str]) -> Preset:
    return Preset(row["name"], row["title"], Architecture.from_row(row), row["source"], row["as_of"])
