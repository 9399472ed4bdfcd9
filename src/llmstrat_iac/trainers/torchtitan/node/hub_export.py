"""Turns a distributed checkpoint into Hugging Face's format, in 16 bits: `hub_export --module M STEP_FOLDER TARGET`.

Layer by layer in one process, so that a model larger than the memory can be converted; no GPU is needed, and the
checkpoint may come from any number of nodes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.distributed import checkpoint

_LARGEST = 4 * 2**30
"""Bytes of a file."""
_INDEX = "model.safetensors.index.json"


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--module", required=True)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    shape: dict[str, Any] = import_module(arguments.module).SHAPE
    export(shape, arguments.source, arguments.target)


def export(shape: dict[str, Any], source: Path, target: Path) -> None:
    """Write `model-NNNNN-of-NNNNN.safetensors` and their index."""
    from .model import model_config, model_spec

    config = model_config(shape)
    adapter = model_spec(shape).state_dict_adapter(config, None)
    with torch.device("meta"):
        skeleton = config.build().state_dict()
    files: list[dict[str, torch.Tensor]] = [{}]
    written: list[list[str]] = []
    size = total = 0
    for names in _portions(skeleton):
        state = {name: torch.empty_like(skeleton[name], device="cpu") for name in names}
        checkpoint.load(state, checkpoint_id=str(source), no_dist=True)
        tensors = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in adapter.to_hf(state).items()}
        amount = sum(tensor.nbytes for tensor in tensors.values())
        if size and size + amount > _LARGEST:
            written.append(_write(target, len(written), files[-1]))
            files, size = [{}], 0
        files[-1] |= tensors
        size, total = size + amount, total + amount
    written.append(_write(target, len(written), files[-1]))
    _name_files(target, written, total)


def _portions(names: dict[str, Any]) -> Iterator[list[str]]:
    """Names of one layer each, then what is in none."""
    layers: dict[str, list[str]] = {}
    for name in names:
        first, _, rest = name.partition(".")
        layers.setdefault(f"{first}.{rest.partition('.')[0]}" if first == "layers" else "", []).append(name)
    yield from layers.values()


def _write(target: Path, number: int, tensors: dict[str, torch.Tensor]) -> list[str]:
    save_file(tensors, str(target / f"part-{number}.safetensors"), metadata={"format": "pt"})
    return [*tensors]


def _name_files(target: Path, written: list[list[str]], total: int) -> None:
    weight_map: dict[str, str] = {}
    for number, names in enumerate(written):
        name = f"model-{number + 1:05}-of-{len(written):05}.safetensors"
        (target / f"part-{number}.safetensors").rename(target / name)
        weight_map |= dict.fromkeys(names, name)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (target / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
