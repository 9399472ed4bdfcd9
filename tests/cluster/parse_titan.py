"""Feeds rendered command lines to torchtitan's own parser: folder with `titan_config.py`, then their JSON on stdin."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import torch
from torchtitan.config import ConfigManager


def parse(folder: str, arguments: list[str]) -> dict[str, Any]:
    sys.path.insert(0, folder)
    sys.modules.pop("titan_config", None)
    os.environ |= {"LLMSTRAT_JOB": f"{folder}/job.json", "LLMSTRAT_CORPUS": f"{folder}/corpus"}
    config = ConfigManager().parse_args(arguments)
    sys.path.remove(folder)
    with torch.device("meta"):
        model = config.model_spec.model.build()
    weights = sum(weight.numel() for weight in model.parameters())
    return {
        "parameters": weights,
        "steps": config.training.steps,
        "local_batch_size": config.training.local_batch_size,
        "disable_cuda_graphs": config.training.disable_cuda_graphs,
        "pipeline": config.parallelism.pipeline_parallel_degree,
        "schedule": schedule(config.parallelism, len(config.model_spec.model.layers)),
        "tensor": config.parallelism.tensor_parallel_degree,
        "shard": config.parallelism.data_parallel_shard_degree,
        "activations": type(config.activation_checkpoint).__qualname__.partition(".")[0],
        "compile": config.compile.enable,
        "learning_rate": config.optimizer.param_groups[0].optimizer_kwargs["lr"],
        "warmup_steps": config.lr_scheduler.warmup_steps,
        "decay_type": config.lr_scheduler.decay_type,
        "timeout": config.comm.train_timeout_seconds,
        "checkpoint": [
            config.checkpoint.enable,
            config.checkpoint.interval,
            config.checkpoint.keep_latest_k,
            config.checkpoint.async_mode,
        ],
    }


def schedule(parallelism: Any, layers: int) -> list[Any]:
    """Its name, layers of a stage, and the stages that torchtitan makes of them."""
    each = parallelism.pipeline_parallel_layers_per_stage
    if each is None:
        return [parallelism.pipeline_parallel_schedule, None, None]
    ends = parallelism.pipeline_parallel_first_stage_less_layers + parallelism.pipeline_parallel_last_stage_less_layers
    return [parallelism.pipeline_parallel_schedule, each, -(-(layers + ends) // each)]


def main() -> None:
    jobs = json.load(sys.stdin)
    found = [parse(folder, arguments) for folder, arguments in jobs]
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
