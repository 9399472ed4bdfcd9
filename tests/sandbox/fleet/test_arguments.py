"""vLLM's arguments as the stand-in reads them."""

from __future__ import annotations

import pytest

from llmstrat_iac.components.sagemaker.container import variables
from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.emulator.compute.machines import serving_arguments
from llmstrat_iac.sandbox.emulator.hosting.engines import vllm_arguments
from llmstrat_iac.sandbox.fleet.arguments import EngineArguments, ServedAdapter, parse_engine_arguments

ADAPTERS = (ServedAdapter("a", "/x"), ServedAdapter("b", "/y"))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["org/model"], EngineArguments("org/model", ("org/model",))),
        (["serve", "org/model", "--dtype", "bfloat16"], EngineArguments("org/model", ("org/model",))),
        (["--model=org/model", "--served-model-name", "a", "b"], EngineArguments("org/model", ("a", "b"))),
        (
            ["--model", "m", "--enable_lora", "--lora-modules", "a=/x", '{"name": "b", "path": "/y"}'],
            EngineArguments("m", ("m",), ADAPTERS),
        ),
        (
            ["m", "--max-model-len", "4096", "--enable-force-include-usage", "--api-key", "k"],
            EngineArguments("m", ("m",), (), 4096, ("k",), always_usage=True),
        ),
    ],
)
def test_what_counts_is_read(words: list[str], wanted: EngineArguments) -> None:
    assert parse_engine_arguments(words) == wanted


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "name no model"),
        (["--served-model-name", "a"], "name no model"),
        (["m", "--lora-modules", "a=/x"], "needs `--enable-lora`"),
        (["m", "--enable-lora", "--lora-modules", "a"], "isn't `name=path`"),
        (["m", "--enable-lora", "--lora-modules", '[{"name":"a","path":"/x"}]'], "isn't `name=path`"),
    ],
)
def test_what_cannot_serve_is_refused(words: list[str], reason: str) -> None:
    with pytest.raises(SandboxError, match=reason):
        parse_engine_arguments(words)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("#!/bin/sh\n", None),
        ("vllm_arguments=(--model m)\n", ["--model", "m"]),
        ("x=1\nvllm_arguments=(\n  --model\n  'a b'\n  \"(c)\" # why\n)\nafter=(1)\n", ["--model", "a b", "(c)"]),
        ("readonly -a vllm_arguments=( m )", ["m"]),
        ("vllm_arguments=(\n  m\n", None),
    ],
)
def test_the_array_of_a_script_is_read(text: str, wanted: list[str] | None) -> None:
    assert serving_arguments(text) == wanted


@pytest.mark.parametrize(
    "modules", [['{"name":"a","path":"/x"}'], ["a=/x", "b=/y"], ['{"name": "a", "path": "/x"}'] * 2]
)
def test_what_the_program_hands_to_the_container_arrives(modules: list[str]) -> None:
    asked = ["--model", "/opt/ml/model", "--enable-lora", "--max-loras", "2", "--lora-modules", *modules]
    assert vllm_arguments({"Environment": {**variables(asked), "HF_HUB_OFFLINE": "1"}}) == asked
