"""torchtitan's trainer on the CPU, which it doesn't know as a device: the rest is what runs on a cluster.

FlexAttention has no backward pass on the CPU (torch 2.13), so that attention is computed with the same mask, densely.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import torch
import torch._utils

torch._utils._get_available_device_type = lambda: "cpu"
torch.cpu.current_device = lambda: 0
torch.cpu.get_device_name = lambda *_: "CPU"
torch.cpu.get_device_properties = lambda *_: SimpleNamespace(total_memory=2**34)
torch.cpu.memory_stats = lambda *_: defaultdict(int)
torch.cpu.reset_peak_memory_stats = torch.cpu.empty_cache = lambda: None


def dense_attention(q: Any, k: Any, v: Any, *, block_mask: Any, scale: float | None, **_: Any) -> tuple[Any, None]:
    from torch.nn.attention.flex_attention import create_mask

    batch, _, length, _ = q.shape
    mask = create_mask(block_mask.mask_mod, batch, 1, length, length, device="cpu")
    attention = torch.nn.functional.scaled_dot_product_attention
    return attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=q.shape[1] != k.shape[1]), None


def main() -> None:
    from llmstrat_titan import job
    from torch.distributed.fsdp import FSDPModule
    from torchtitan.models.common.attention import FlexAttention

    FlexAttention._compiled_flex_attn = staticmethod(dense_attention)
    divide = FSDPModule.set_gradient_divide_factor

    def divide_as_gloo_can(module: FSDPModule, factor: float) -> None:
        divide(module, factor)
        module.set_force_sum_reduction_for_comms(True)

    FSDPModule.set_gradient_divide_factor = divide_as_gloo_can
    sys.argv += ["--optimizer.implementation", "foreach", "--training.disable_cuda_graphs"]
    job.main()


if __name__ == "__main__":
    main()
