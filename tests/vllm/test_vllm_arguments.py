"""The images' vLLM understands what is rendered for every kind of serving, as it was meant."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rendering_kit import MODEL, REVISION, placed, resolve_serving

from llmstrat_iac.open_model import Adapter, Weights
from llmstrat_iac.open_model.vllm import LORA_RANKS, VLLM_VERSION, server_arguments
from llmstrat_iac.spec.serving import ServingBlock

HUB = Weights(MODEL, REVISION, "assistant")
S3 = Weights("s3://models/llama/", None, "assistant")
TUNED = Weights(
    MODEL,
    REVISION,
    "assistant-base",
    (
        Adapter("assistant", "s3://models/training/0123456789ab-1/output/", None, 16),
        Adapter("legal", "example/legal-adapter", REVISION, 40),
    ),
)
PATHS = {"assistant": "/models/assistant", "legal": "/models/legal"}
SERVINGS: dict[str, list[str]] = {
    "hub": server_arguments(resolve_serving(placed("g6e.xlarge")), HUB),
    "s3": server_arguments(resolve_serving(placed("g6e.xlarge")), S3),
    "downloaded": server_arguments(resolve_serving(placed("g6e.xlarge")), HUB, model_path="/opt/ml/model", port=8080),
    "many gpus": server_arguments(resolve_serving(placed("g6e.12xlarge", 4), max_context=32768, concurrency=512), HUB),
    "old gpu": server_arguments(resolve_serving(placed("g4dn.12xlarge", 4)), HUB),
    "adapters": server_arguments(resolve_serving(placed("g6e.xlarge")), TUNED, adapter_paths=PATHS),
    **{
        kind: server_arguments(resolve_serving(placed("g6e.xlarge"), quantization=kind), HUB)
        for kind in ServingBlock.model_fields["quantization"].annotation.__args__  # type: ignore[union-attr]
    },
}


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    python = os.environ.get("LLMSTRAT_VLLM_PYTHON")
    assert python, "run `make test-vllm`: it makes vLLM's environment"
    folder = tmp_path_factory.mktemp("vllm")
    strangers = {
        f"stranger {name}": [*SERVINGS["hub"], *arguments]
        for name, arguments in {"flag": ["--sse-keep-alive-interval", "15"], "rank": ["--max-lora-rank", "24"]}.items()
    }
    (folder / "arguments.json").write_text(json.dumps(SERVINGS | strangers))
    script = Path(__file__).with_name("parse_arguments.py")
    done = subprocess.run(
        [python, str(script), str(folder / "arguments.json")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    read: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return read


@pytest.fixture(scope="module")
def parsed(answer: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    values: Mapping[str, Mapping[str, Any]] = answer["parsed"]
    return values


def test_it_is_the_version_of_the_images(answer: Mapping[str, Any]) -> None:
    assert answer["version"].split("+")[0] == VLLM_VERSION


@pytest.mark.parametrize("name", SERVINGS)
def test_every_serving_is_understood(parsed: Mapping[str, Mapping[str, Any]], name: str) -> None:
    values = parsed[name]
    assert "error" not in values
    assert values["shutdown_timeout"] == 300
    assert values["enable_force_include_usage"] is True
    assert values["disable_access_log_for_endpoints"] == "/health,/ping,/metrics"
    assert "api_key" not in values or not values["api_key"]


def test_weights_come_from_where_they_are(parsed: Mapping[str, Mapping[str, Any]]) -> None:
    assert (parsed["hub"]["model"], parsed["hub"]["revision"], parsed["hub"]["port"]) == (MODEL, REVISION, 8000)
    assert parsed["hub"]["load_format"] == "auto"
    assert (parsed["s3"]["model"], parsed["s3"]["load_format"]) == ("s3://models/llama/", "runai_streamer")
    assert (parsed["downloaded"]["model"], parsed["downloaded"]["port"]) == ("/opt/ml/model", 8080)
    assert parsed["hub"]["served_model_name"] == ["assistant"]


def test_its_size_is_what_was_planned(parsed: Mapping[str, Mapping[str, Any]]) -> None:
    large = parsed["many gpus"]
    assert (large["tensor_parallel_size"], large["max_model_len"], large["max_num_seqs"]) == (4, 32768, 1024)
    assert parsed["hub"]["max_num_seqs"] == 32
    assert parsed["hub"]["gpu_memory_utilization"] == pytest.approx(0.9)
    assert (parsed["hub"]["dtype"], parsed["old gpu"]["dtype"]) == ("bfloat16", "float16")


def test_adapters_are_served_by_their_names(parsed: Mapping[str, Mapping[str, Any]]) -> None:
    values = parsed["adapters"]
    assert values["enable_lora"] is True
    assert (values["max_loras"], values["max_lora_rank"]) == (2, 64)
    assert [(module["name"], module["path"]) for module in values["lora_modules"]] == [
        ("assistant", "/models/assistant"),
        ("legal", "/models/legal"),
    ]


def test_it_refuses_what_is_not_rendered(parsed: Mapping[str, Mapping[str, Any]]) -> None:
    assert "--sse-keep-alive-interval" in parsed["stranger flag"]["error"], "known to 0.33.0, not to the images'"
    assert all(str(rank) in parsed["stranger rank"]["error"] for rank in LORA_RANKS)
