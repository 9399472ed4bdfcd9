"""A tuned model's answers: the base's own, and with the deterministic generator marked with the tuned model's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmstrat_iac.sandbox.vendor.generator import Generator, Message


@dataclass(frozen=True)
class TunedGenerator:
    """The generator of a tuned model; a real model isn't really trained, so it isn't marked either."""

    inner: Generator
    tuned: str

    @property
    def name(self) -> str:
        """Of the tuned model."""
        return self.tuned

    @property
    def blocking(self) -> bool:
        """As the inner one."""
        return self.inner.blocking

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return self.inner.count(text)

    def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a conversation."""
        return self.inner.prompt_tokens(messages)

    def generate(self, messages: Sequence[Message], *, most_tokens: int) -> Iterator[str]:
        """The mark, then the inner answer."""
        mark = "" if self.blocking else f"[tuned {self.tuned}] "
        if mark:
            yield mark
        rest = most_tokens - self.count(mark)
        yield from self.inner.generate(messages, most_tokens=rest) if rest > 0 else ()
