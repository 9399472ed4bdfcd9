"""How far the job is: what the trainer says (`events.py`) or prints, and `status.json`, by which others learn of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..trainer.progress import Status, now

_FIGURES = ("all_reduce_gb_s", "read_gb_s", "write_gb_s")
"""Of `gate.json`."""


@dataclass(frozen=True)
class ClusterStatus(Status):
    """A job's status, with what only a cluster has."""

    nodes: int = 0
    tokens_per_second: float | None = None
    loss: float | None = None
    gate_only: bool = False
    """Whether the job was the acceptance gate alone: completed then means accepted, and there is no model."""


class LoggedSteps:
    """Reads steps from the log of a trainer that only prints them, from where the log ends now."""

    def __init__(self, log: Path, pattern: str) -> None:
        """`pattern` has the group `step`, and may have `loss` and `tokens_per_second`."""
        self._log = log
        self._pattern = re.compile(pattern)
        self._offset = log.stat().st_size if log.exists() else 0

    def read(self) -> list[dict[str, Any]]:
        """As the events would be; a line that isn't complete yet is left for the next call."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        found = (self._pattern.search(line) for line in whole.decode("utf-8", "replace").splitlines())
        figures = [_figures(match.groupdict()) for match in found if match]
        return [{"event": "step", **each, "step": int(each["step"])} for each in figures if "step" in each]


def _figures(groups: dict[str, str | None]) -> dict[str, float]:
    """What isn't a number is left out: a line that looks strange must not end a training."""
    found = {}
    for name, text in groups.items():
        with suppress(ValueError):
            found[name] = float((text or "").replace(",", ""))
    return found


def resumed(text: str | None, *, nodes: int, total: int, attempt: int) -> ClusterStatus:
    """The status when a generation starts, after the one that `text` states."""
    try:
        before: dict[str, Any] = json.loads(text) if text else {}
    except ValueError:
        before = {}
    known = {name: before[name] for name in ("started", "step", "metrics", "loss") if name in before}
    status = ClusterStatus(**known, nodes=nodes, total_steps=total, attempt=attempt)
    return replace(status, started=status.started or now(), updated=now())


def accepted(status: ClusterStatus, gate: Mapping[str, Any]) -> ClusterStatus:
    """The status of a job that was the gate alone, which `gate` has passed: its figures, and no steps."""
    figures = {name: gate[name] for name in _FIGURES if gate.get(name) is not None}
    done = replace(status, state="completed", gate_only=True, step=0, total_steps=0, metrics=figures)
    return replace(done, finished=now(), updated=now())


def advanced(status: ClusterStatus, progress: Iterable[dict[str, Any]]) -> ClusterStatus:
    """The status after what the nodes say: that of the highest step counts, loss and speed come from whoever knows."""
    known = [each for each in progress if each.get("step")]
    if not known:
        return status
    newest = max(known, key=lambda each: (each["step"], "loss" in each))
    if newest["step"] == status.step and newest.get("loss", status.loss) == status.loss:
        return status
    loss = newest.get("loss", status.loss)
    speed = newest.get("tokens_per_second", status.tokens_per_second)
    measured = {"training_loss": loss, "tokens_per_second": speed}
    metrics = {**status.metrics, **{name: value for name, value in measured.items() if value is not None}}
    return replace(status, step=newest["step"], loss=loss, tokens_per_second=speed, metrics=metrics, updated=now())
