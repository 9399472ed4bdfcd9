"""How far the trainer is, from the events that `trl_job` writes, and `status.json`, by which others learn of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_METRICS = {
    "loss": "training_loss",
    "eval_loss": "validation_loss",
    "num_tokens": "trained_tokens",
    "epoch": "epoch",
}
"""TRL's names to those of every runtime and vendor."""


@dataclass(frozen=True)
class Status:
    """`status.json`. Times are ISO 8601 in UTC."""

    state: str = "running"
    """`running`, `completed` or `failed`; an interrupted job is still running."""
    started: str = ""
    updated: str = ""
    finished: str | None = None
    attempt: int = 1
    step: int = 0
    total_steps: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    failure: str | None = None

    def to_json(self) -> str:
        """As the file has it."""
        return json.dumps(asdict(self), indent=2) + "\n"


def next_attempt(text: str | None) -> Status:
    """The status of this start, after the one that `text` states; the first if there is none."""
    try:
        before = json.loads(text) if text else {}
    except ValueError:
        before = {}
    known = {name: before[name] for name in ("started", "step", "total_steps", "metrics") if name in before}
    status = Status(**known, attempt=int(before.get("attempt", 0)) + 1)
    return replace(status, started=status.started or now(), updated=now())


def now() -> str:
    """The moment in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Events:
    """Reads the events file from where it was left off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> list[dict[str, Any]]:
        """The events since the last call; a line that isn't complete yet is left for the next."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def advanced(status: Status, events: list[dict[str, Any]]) -> Status:
    """The status after these events."""
    for event in events:
        measured = {
            _METRICS[name]: float(value) for name, value in event.get("metrics", {}).items() if name in _METRICS
        }
        status = replace(
            status,
            step=event["step"],
            total_steps=event["total"],
            metrics={**status.metrics, **measured},
            updated=now(),
        )
    return status
