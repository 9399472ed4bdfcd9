"""Finds reserved words in text, in any (ASCII) case, at the speed of a byte search.

Each word is looked for by its first character that is neither letter nor digit, which is rare in text: a regular
expression that starts with one literal character skips to it at memory speed and only then looks around it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable


class ReservedWords:
    """A fixed set of words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = {word.lower(): word for word in words}
        grouped: dict[str, list[str]] = defaultdict(list)
        for word in self._words:
            anchor = next((index for index, letter in enumerate(word) if not letter.isalnum()), 0)
            before, after = re.escape(word[: anchor + 1]), re.escape(word[anchor + 1 :])
            grouped[word[anchor]].append(f"(?<={before}){after}")
        self._patterns = [
            re.compile(f"{re.escape(anchor)}(?:{'|'.join(around)})".encode()) for anchor, around in grouped.items()
        ]

    def within(self, text: bytes) -> bool:
        """Whether UTF-8 text has one of the words."""
        lower = text.lower() if self._patterns else b""
        return any(pattern.search(lower) for pattern in self._patterns)

    def find(self, text: str) -> list[str]:
        """The words that a text has."""
        lower = text.encode().lower()
        return [word for key, word in self._words.items() if key.encode() in lower]
