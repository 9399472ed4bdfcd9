"""The arguments of vLLM's OpenAI-compatible server, for whoever starts it: the EC2 fleet or a SageMaker endpoint.

Only names that vLLM 0.27.1, the version in the images, knows: `make test-vllm` feeds them to its own parser. Secrets
are never arguments: a Hugging Face token goes into the server's environment as `HF_TOKEN`, keys are the gateway's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from llmstrat_iac.catalog.sizing.serving_memory import max_sequences
from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.open_model.contract import Adapter, ResolvedServing, Weights

VLLM_VERSION = "0.27.1"
"""In AWS's images `vllm:server-cuda-v2.4` and `server-sagemaker-cuda-v2.4`: release notes of 2026-08-25 in
https://github.com/aws/deep-learning-containers"""
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What `--max-lora-rank` takes (vllm/config/lora.py, `MaxLoRARanks`)."""
SHUTDOWN_SECONDS = 300
"""How long a server that is told to stop may finish what it has begun."""

_QUIET = ("/health", "/ping", "/metrics")


def server_arguments(
    serving: ResolvedServing,
    weights: Weights,
    *,
    model_path: str | None = None,
    adapter_paths: Mapping[str, str] | None = None,
    port: int = 8000,
) -> list[str]:
    """What follows `vllm serve` or the image's entry point.

    `model_path` is the folder into which the weights were downloaded; without it vLLM fetches them itself, from the hub
    at the pinned revision or from S3 with the image's streamer. `adapter_paths` maps each adapter's served name to its
    folder: vLLM reads adapters neither from S3 nor at a revision.
    """
    return [
        *_model(weights, model_path),
        *("--port", str(port)),
        *_size(serving),
        *_adapters(weights.adapters, adapter_paths or {}),
        *("--shutdown-timeout", str(SHUTDOWN_SECONDS)),
        # Every answer states its tokens, streams too: that is what the gateway meters.
        "--enable-force-include-usage",
        *("--disable-access-log-for-endpoints", ",".join(_QUIET)),
    ]


def loadable_rank(rank: int) -> int:
    """The smallest `--max-lora-rank` that takes an adapter of this rank; LlmstratError if vLLM loads none so large."""
    for allowed in LORA_RANKS:
        if rank <= allowed:
            return allowed
    raise LlmstratError(
        f"vLLM loads no adapter of rank {rank}: {LORA_RANKS[-1]} is the largest",
        remedy="train with a smaller `lora.rank`, or merge the adapter into the weights and serve those",
    )


def _model(weights: Weights, model_path: str | None) -> Iterator[str]:
    yield from ("--model", model_path or weights.model)
    if model_path is None and weights.model.startswith("s3://"):
        yield from ("--load-format", "runai_streamer")
    elif model_path is None and weights.revision is not None:
        yield from ("--revision", weights.revision)
    yield from ("--served-model-name", weights.served_name)


def _size(serving: ResolvedServing) -> Iterator[str]:
    block, placement = serving.block, serving.placement
    # What sizing has counted with is what the engine may take.
    share = placement.memory.available / placement.instance.cuda_gib
    yield from ("--tensor-parallel-size", str(placement.gpus))
    yield from ("--max-model-len", str(block.max_context))
    yield from ("--max-num-seqs", str(max_sequences(block.concurrency)))
    yield from ("--gpu-memory-utilization", f"{share:.2f}")
    yield from ("--dtype", placement.instance.sixteen_bit)
    if block.quantization != "none":
        yield from ("--quantization", block.quantization)


def _adapters(adapters: tuple[Adapter, ...], paths: Mapping[str, str]) -> Iterator[str]:
    if not adapters:
        return
    yield "--enable-lora"
    yield from ("--max-loras", str(len(adapters)))
    yield from ("--max-lora-rank", str(loadable_rank(max(adapter.rank for adapter in adapters))))
    yield "--lora-modules"
    for adapter in adapters:
        yield json.dumps({"name": adapter.served_name, "path": paths[adapter.served_name]})
