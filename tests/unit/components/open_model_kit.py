"""Specs of strategy C with a dataset beside them, resolved: for the tests of all its runtimes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from llmstrat_iac.hookspecs import ResolvedSpec
from llmstrat_iac.open_model import ResolvedServing, ResolvedTraining
from llmstrat_iac.planner.load import load_spec


def resolve_open_model(folder: Path, model: Mapping[str, Any], **blocks: Any) -> ResolvedSpec:
    """The spec with these blocks, loaded as the command line does."""
    rows = [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "Yes."}]}
        for n in range(20)
    ]
    for name in ("train.jsonl", "validation.jsonl"):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    spec: dict[str, Any] = {
        "apiVersion": "llmstrat/v1",
        "name": "support",
        "strategy": "open-model",
        "owner": "ml@example.com",
        "region": "us-east-1",
        "data": {"classification": "internal"},
        "model": dict(model),
        **blocks,
    }
    if "serving" in blocks:
        spec["endpoint"] = {"consumers": [{"name": "web", "models": ["main"], "requests_per_second": 5}]}
    path = folder / "spec.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(spec, file)
    return load_spec(path)


def training_of(resolved: ResolvedSpec) -> ResolvedTraining:
    assert resolved.open_model is not None
    assert resolved.open_model.training is not None
    return resolved.open_model.training


def serving_of(resolved: ResolvedSpec) -> ResolvedServing:
    assert resolved.open_model is not None
    assert resolved.open_model.serving is not None
    return resolved.open_model.serving
