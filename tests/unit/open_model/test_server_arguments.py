"""vLLM's arguments: what it must be told, and what never is. That its parser takes them: `make test-vllm`."""

from __future__ import annotations

import pytest
from rendering_kit import MODEL, REVISION, placed, resolve_serving

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.open_model import Adapter, Weights
from llmstrat_iac.open_model.vllm import loadable_rank, server_arguments

BASE = Weights(MODEL, REVISION, "assistant-base")


def with_adapter(source: str, revision: str | None = None, rank: int = 16) -> Weights:
    return Weights(MODEL, REVISION, "assistant-base", (Adapter("assistant", source, revision, rank),))


def value(arguments: list[str], name: str) -> str:
    """What follows a name."""
    return arguments[arguments.index(name) + 1]


def test_secrets_are_no_arguments() -> None:
    arguments = server_arguments(resolve_serving(placed("g6e.xlarge")), BASE)

    assert not {"--api-key", "--hf-token"} & set(arguments)


def test_the_revision_is_the_hub_s_only() -> None:
    serving = resolve_serving(placed("g6e.xlarge"))

    assert value(server_arguments(serving, BASE), "--revision") == REVISION
    assert "--revision" not in server_arguments(serving, BASE, model_path="/models/base")
    assert "--revision" not in server_arguments(serving, Weights("s3://models/llama/", None, "assistant"))


def test_the_engine_takes_what_sizing_has_counted_with() -> None:
    arguments = server_arguments(resolve_serving(placed("g6e.12xlarge", 4), max_context=4096, concurrency=8), BASE)

    assert value(arguments, "--tensor-parallel-size") == "4"
    assert value(arguments, "--max-model-len") == "4096"
    assert float(value(arguments, "--gpu-memory-utilization")) == pytest.approx(0.9)


@pytest.mark.parametrize(("rank", "loaded"), [(1, 1), (2, 8), (16, 16), (33, 64), (300, 320), (512, 512)])
def test_ranks_are_rounded_up_to_what_vllm_has(rank: int, loaded: int) -> None:
    assert loadable_rank(rank) == loaded


def test_an_adapter_that_is_too_large_is_refused() -> None:
    with pytest.raises(LlmstratError, match="no adapter of rank 513: 512 is the largest"):
        server_arguments(resolve_serving(placed("g6e.xlarge")), with_adapter("example/large", rank=513))


def test_an_adapter_is_read_from_where_it_was_downloaded_to() -> None:
    serving, weights = resolve_serving(placed("g6e.xlarge")), with_adapter("example/legal", REVISION)

    modules = value(server_arguments(serving, weights, adapter_paths={"assistant": "/models/a"}), "--lora-modules")
    assert modules == '{"name": "assistant", "path": "/models/a"}'
