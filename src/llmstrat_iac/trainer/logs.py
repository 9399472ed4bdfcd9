"""What the trainer prints: passed on without secrets, kept for whoever asks why it failed."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path

_TOKENS = re.compile(r"\b(hf_|AKIA|ASIA)[A-Za-z0-9]{8,}")
_TRACEBACK = "Traceback (most recent call last)"
_STARTER = "torch.distributed.elastic."
"""What torchrun itself says at the end: that a process failed, not why."""
_FAILURE_LINES, _FAILURE_CHARACTERS = 20, 1000
"""SageMaker shows the first 1,024 characters of a failure."""


class Log:
    """The job's log: to standard output and into a file, with secrets masked."""

    def __init__(self, path: Path, secrets: Iterable[str]) -> None:
        self.path = path
        self._secrets = [secret for secret in secrets if secret]
        self._last: deque[str] = deque(maxlen=200)
        path.parent.mkdir(parents=True, exist_ok=True)

    def hide(self, secret: str) -> None:
        """Mask this, too, from now on."""
        self._secrets.append(secret)

    def line(self, text: str) -> None:
        """Write one line."""
        masked = self.masked(text.rstrip("\n"))
        self._last.append(masked)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(masked + "\n")
        sys.stdout.write(masked + "\n")
        sys.stdout.flush()

    def masked(self, text: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _TOKENS.sub("***", text)

    def reason(self) -> str:
        """Why the trainer failed: what its last exception says, else its last lines."""
        lines = [line for line in self._last if line.strip()]
        errors = [line for line in lines if _is_error(line)]
        text = "\n".join([*errors[-1:], *lines[-_FAILURE_LINES:]] if errors else lines[-_FAILURE_LINES:])
        return text[:_FAILURE_CHARACTERS]


def _is_error(line: str) -> bool:
    return bool(re.match(r"^(\[rank\d+\]: ?)?[A-Za-z_.]*(Error|Exception)\b: ", line)) and not any(
        text in line for text in (_TRACEBACK, _STARTER)
    )
