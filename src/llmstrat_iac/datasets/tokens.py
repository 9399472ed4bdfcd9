"""Counts the tokens of a training file, and says how well it knows.

With the extra `tokenizer` (toktok-rs, which carries OpenAI's vocabularies inside the package) the count is real: exact
for OpenAI, and a good estimate for vendors that don't publish their tokenizer. Without it, four bytes make a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

BYTES_PER_TOKEN = 4
"""English text has 4.2 to 4.6 bytes a token in current vocabularies; rounding down overstates the cost a little."""
TOKENS_PER_MESSAGE = 4
"""Role and delimiters, as OpenAI's cookbook counts them; other vendors' chat templates take about the same."""
_SUBSTITUTE = "o200k_base"


@dataclass(frozen=True)
class TokenCounter:
    """Counts the tokens of texts. `basis` says what with, `exact` whether that is the vendor's own tokenizer."""

    basis: str
    exact: bool
    count: Callable[[list[str]], int]


def token_counter(encoding: str | None) -> TokenCounter:
    """The best counter there is for a vendor whose public encoding is `encoding` (None: not public)."""
    try:
        import toktok  # type: ignore[import-untyped]
    except ImportError:
        basis = "estimate: 4 bytes a token; `pip install 'llmstrat-iac[tokenizer]'` counts with a real tokenizer"
        return TokenCounter(basis, False, estimate_tokens)
    name = encoding or _SUBSTITUTE

    def count(texts: list[str]) -> int:
        return sum(toktok.batch_count(texts, name))

    if encoding is None:
        return TokenCounter(f"estimate: counted with {name}, not with the model's own tokenizer", False, count)
    return TokenCounter(f"counted with {name}, the vendor's tokenizer", True, count)


class TokenMeter:
    """Adds up the tokens of a file block by block: all of it if the count is exact, else enough of it."""

    _WHOLE = 8
    _STRIDE = 8

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._blocks = self._messages = self._tokens = self._counted = self._skipped = 0

    def add(self, texts: list[str], size: int) -> None:
        """Add a block of `size` bytes with these texts. An estimate counts the first eight, then every eighth."""
        self._messages += len(texts)
        if self._counter.exact or self._blocks < self._WHOLE or self._blocks % self._STRIDE == 0:
            self._tokens += self._counter.count(texts)
            self._counted += size
        else:
            self._skipped += size
        self._blocks += 1

    @property
    def total(self) -> int:
        """Tokens of all blocks and of the messages' delimiters."""
        share = 1 + self._skipped / self._counted if self._counted else 1
        return round(self._tokens * share) + self._messages * TOKENS_PER_MESSAGE


def estimate_tokens(texts: Iterable[str]) -> int:
    """Tokens by the rule of thumb."""
    return sum(len(text) if text.isascii() else len(text.encode()) for text in texts) // BYTES_PER_TOKEN


def training_usd(tokens: int, epochs: int, usd_per_mtok: float | None) -> float | None:
    """What a training run costs: tokens, times epochs, times the price of a million; None if that isn't known."""
    return None if usd_per_mtok is None else tokens * epochs * usd_per_mtok / 1e6
