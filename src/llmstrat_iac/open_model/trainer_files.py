"""What a training job consists of, as text: the launcher, its job, TRL's and accelerate's configuration, requirements.

The runtimes put these files next to each other into `training/<key>/code/`, whatever the names' folders, and run
`python3 launch.py` there (`llmstrat_iac.trainer` says with which variables).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from llmstrat_iac.open_model.accelerate import is_sharded, render_accelerate
from llmstrat_iac.open_model.contract import ResolvedTraining
from llmstrat_iac.open_model.trl import render_trl, trl_command
from llmstrat_iac.trainer import ENTRY, ENTRY_TEXT, PACKAGE, PACKAGE_FILES, REQUIREMENTS

TRL_VERSION = "1.16.0"
MOST_ATTEMPTS = 20
"""A job that was interrupted as often isn't resumed any more: somebody should look."""


def render_job(training: ResolvedTraining, key: str) -> dict[str, str]:
    """File names, some with a folder, to contents. LlmstratError if it fits on no instance.

    Needs the dataset's identity: ValueError if the content of an S3 object isn't known yet.
    """
    return {
        ENTRY: ENTRY_TEXT,
        **{f"{PACKAGE}/{name}": _source(name) for name in PACKAGE_FILES},
        "job.json": json.dumps(_job(training, key), indent=2, sort_keys=True) + "\n",
        "train.yaml": to_yaml(render_trl(training, sharded=is_sharded(training))),
        "accelerate.yaml": to_yaml(render_accelerate(training)),
        "requirements.txt": _source(REQUIREMENTS),
    }


def to_yaml(values: Mapping[str, Any]) -> str:
    """YAML that a 1.1 parser, such as the trainer's, reads as it was meant: texts quoted, floats with their point."""
    return "\n".join(_lines(values, "")) + "\n"


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        text = repr(value)
        mantissa, exponent, power = text.partition("e")
        return f"{mantissa}{'' if '.' in mantissa else '.0'}{exponent}{power}"
    return json.dumps(value)


def _job(training: ResolvedTraining, key: str) -> dict[str, Any]:
    block, model = training.block, training.model.block
    sources = {"train": training.train, "validation": training.validation}
    return {
        "key": key,
        "stack": training.stack_name,
        "alias": training.alias,
        "command": trl_command(training),
        "method": block.method,
        "objective": block.objective,
        "model": model.id,
        "revision": model.revision,
        "gated": model.token is not None,
        "adapter": training.makes_adapter,
        "rank": block.hyperparameters.lora.rank if training.makes_adapter else None,
        "data": {name: source.content_hash for name, source in sources.items() if source is not None},
        "trl": TRL_VERSION,
        "attempts": MOST_ATTEMPTS,
    }


def _source(name: str) -> str:
    return files("llmstrat_iac.trainer").joinpath(name).read_text(encoding="utf-8")
