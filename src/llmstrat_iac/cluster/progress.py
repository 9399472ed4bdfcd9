"""How far the job is: events of the trainer's ranks, and `status.json`, by which others learn of it.

Events are lines of JSON in the file LLMSTRAT_EVENTS: {"event": "step", "step", "total", "loss", "tokens_per_second"},
"end" when all steps are done, "stopped" when the trainer has saved and ended because it was told to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
