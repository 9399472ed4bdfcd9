"""How the processes of a training share the GPUs of its instance: accelerate's configuration file."""

from __future__ import annotations

from typing import Any

from llmstrat_iac.open_model.contract import ResolvedTraining
from llmstrat_iac.open_model.trl import has_bfloat16


def is_sharded(training: ResolvedTraining) -> bool:
    """Whether each GPU holds a part of the model only: always for `full` on several, else if one can't hold it all."""
    placement = training.placement
    if placement.gpus == 1:
        return False
    return training.block.method == "full" or placement.sharded


def render_accelerate(training: ResolvedTraining) -> dict[str, Any]:
    """One process a GPU, on one machine: plain, data-parallel (DDP), or sharded (FSDP2)."""
    gpus = training.placement.gpus
    rendered: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "NO" if gpus == 1 else "MULTI_GPU",
        "num_machines": 1,
        "machine_rank": 0,
        "num_processes": gpus,
        "mixed_precision": "bf16" if has_bfloat16(training) else "fp16",
        "rdzv_backend": "static",
        "same_network": True,
        "use_cpu": False,
    }
    if is_sharded(training):
        rendered["distributed_type"] = "FSDP"
        rendered["fsdp_config"] = {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_reshard_after_forward": True,
            "fsdp_offload_params": False,
            # The first process alone reads the weights; the others get their part from it.
            "fsdp_cpu_ram_efficient_loading": True,
            # What is saved is whole: neither a resume nor a server has to put shards together.
            "fsdp_state_dict_type": "FULL_STATE_DICT",
            "fsdp_activation_checkpointing": False,
        }
    return rendered
