"""One generation of a training on a cluster, without its program: gate, steps, checkpoints and result by the job clock.

It reads the job's own `code/job.json` and writes what `llmstrat_iac.cluster` writes, from the newest complete
checkpoint on. Whoever has the nodes says who they are, and calls `advance`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llmstrat_iac.cluster.checkpoints import MARKER
from llmstrat_iac.cluster.earlier import earlier_places
from llmstrat_iac.cluster.finish import FACTS, MANIFEST
from llmstrat_iac.cluster.gate import reason
from llmstrat_iac.cluster.layout import Layout
from llmstrat_iac.cluster.progress import ClusterStatus, accepted, resumed
from llmstrat_iac.sandbox.emulator.pretraining.acceptance import SLOW_LINK, gate_result
from llmstrat_iac.sandbox.emulator.pretraining.tiny_model import tiny_model
from llmstrat_iac.sandbox.emulator.tuning.objects import delete_s3, objects_below, read_s3, write_s3
from llmstrat_iac.sandbox.jobs import Course, Phase, losses
from llmstrat_iac.trainer.progress import now
from llmstrat_iac.tuning.jobs import in_words

_CHECKPOINTS = 4
"""In a run, the last step's included."""
_TOKENS_PER_GPU = 4000
_CRASH = "the trainer ended with exit status 1\nRuntimeError: CUDA error: an illegal memory access was encountered"
Job = dict[str, Any]


def read_job(uri: str) -> Job | None:
    """What the launcher is told; None if it isn't there."""
    content = read_s3(f"{uri}/code/job.json")
    return None if content is None else dict(json.loads(content))


def read_status(uri: str) -> dict[str, Any]:
    """What is known of a job so far."""
    content = read_s3(f"{uri}/status.json")
    return {} if content is None else dict(json.loads(content))


def settle(uri: str, why: str) -> None:
    """Mark a job as failed, unless it is over."""
    status = read_status(uri)
    if status.get("state") not in ("completed", "failed"):
        before = resumed(json.dumps(status), nodes=0, total=0, attempt=int(status.get("attempt") or 1))
        failed = replace(before, state="failed", failure=why, updated=now(), finished=now())
        write_s3(f"{uri}/status.json", failed.to_json().encode())


class Run:
    """The nodes `hosts` at a job, on the way of `course`."""

    def __init__(self, uri: str, job: Job, hosts: Sequence[str], course: Course) -> None:
        self.hosts = tuple(hosts)
        self.course = course
        self.lines: list[str] = []
        """What the first node has said since somebody took it."""
        self._uri, self._job = uri, job
        self._total = int(job["steps"])
        self._gate_only = bool(job.get("gate_only"))
        before = read_status(uri)
        attempt = int(before.get("attempt") or 0) + 1
        self._status: ClusterStatus = resumed(
            json.dumps(before), nodes=len(self.hosts), total=self._total, attempt=attempt
        )
        self._first = self._newest()
        self._gate = gate_result(job, self.hosts, slow_link=course.mishap == SLOW_LINK)
        if not self._gate["passed"]:
            course.complaint = f"the cluster isn't accepted: {reason(self._gate)}"
        self._accepted = self._over = False
        self._step = self._first

    @property
    def over(self) -> bool:
        """Whether the job is."""
        return self._over

    def advance(self) -> None:
        """Write what is due."""
        phase = self.course.phase()
        if self._over or phase in (Phase.QUEUED, Phase.VALIDATING):
            return
        if not self._accepted:
            self._accept()
        self._over = phase.over or self._gate_only
        if self._gate["passed"] and not self._gate_only:
            self._go_on(self._first + int(self.course.trained() * (self._total - self._first)))
        if self._gate_only and self._gate["passed"]:
            self.lines.append("launch: the cluster is accepted; nothing was to be trained")
            self._publish(accepted(self._status, self._gate))
        elif phase is Phase.COMPLETED:
            self._finish()
        elif phase is Phase.FAILED or self._gate_only:
            self.lines.append(f"launch: failed: {self.course.complaint or _CRASH}")
            failed = {"state": "failed", "failure": self.course.complaint or _CRASH, "gate_only": self._gate_only}
            self._publish(replace(self._status, **failed, updated=now(), finished=now()))  # type: ignore[arg-type]

    def begin_again(self) -> None:
        """After a loss: another generation, from the newest checkpoint; time has gone on meanwhile."""
        self._status = replace(self._status, attempt=self._status.attempt + 1)

    def _accept(self) -> None:
        self._accepted = True
        gate = {**self._gate, "generation": self._status.attempt, "at": now()}
        self._write("gate.json", json.dumps(gate, indent=2))
        if self._gate["passed"]:
            start = f"step {self._first}" if self._first else "the start"
            nodes = f"generation {self._status.attempt} of {len(self.hosts)} nodes"
            self.lines.append(f"launch: {nodes} goes on from {start}")
            self._publish(replace(self._status, step=self._first))

    def _go_on(self, step: int) -> None:
        if step <= self._step:
            return
        for mark in self._marks():
            if self._step < mark <= step:
                self._save(mark)
        self._step = step
        gpus = len(self.hosts) * int(self._job["processes"])
        loss, speed = losses(step / self._total, 100)[-1:], float(_TOKENS_PER_GPU * gpus)
        measured = {"tokens_per_second": speed, **({"training_loss": loss[0]} if loss else {})}
        self.lines.append(f"step {step} of {self._total}: {', '.join(in_words(measured))}")
        self._publish(
            replace(
                self._status, step=step, loss=loss[0] if loss else None, tokens_per_second=speed, metrics=measured,
                updated=now(),
            )
        )  # fmt: skip

    def _marks(self) -> list[int]:
        return sorted({self._total * part // _CHECKPOINTS for part in range(1, _CHECKPOINTS + 1)} - {0})

    def _save(self, step: int) -> None:
        files = {Layout().complete: b"sandbox", "__0_0.distcp": json.dumps({"step": step}).encode()}
        for name, content in files.items():
            self._write(f"checkpoints/step-{step}/{name}", content)
        marker = {"step": step, "nodes": len(self.hosts), "files": {name: len(text) for name, text in files.items()}}
        self._write(f"checkpoints/step-{step}/{MARKER}", json.dumps(marker))
        complete = [mark for mark in self._marks() if mark <= step and self._complete(mark)]
        for old in complete[: -max(int(self._job["keep"]), 1)]:
            delete_s3(f"{self._uri}/checkpoints/step-{old}/")

    def _newest(self) -> int:
        """From which step it goes on: its own newest, or until it has any, the newest earlier attempt's."""
        for place in (self._uri, *earlier_places(self._uri)):
            complete = [mark for mark in self._marks() if self._complete(mark, place)]
            if complete:
                return complete[-1]
        return 0

    def _complete(self, step: int, place: str | None = None) -> bool:
        return read_s3(f"{place or self._uri}/checkpoints/step-{step}/{MARKER}") is not None

    def _finish(self) -> None:
        done = replace(self._status, state="completed", step=self._total, updated=now(), finished=now())
        files = {**tiny_model(self._job.get("config") or {}), **self._tokenizer()}
        for name, content in files.items():
            self._write(f"output/hf/{name}", content)
        manifest = {
            **{name: self._job.get(name) for name in FACTS},
            "step": self._total,
            "metrics": done.metrics,
            "nodes": done.nodes,
            "generations": done.attempt,
            "started": done.started,
            "finished": done.finished,
            "files": sorted(files),
        }
        self._write(f"output/{MANIFEST}", json.dumps(manifest, indent=2))
        self.lines.append(f"launch: completed after {self._total} steps")
        self._publish(done)

    def _tokenizer(self) -> dict[str, bytes]:
        """Its own files, if they are in S3: the hub can't be reached from here."""
        source = str((self._job.get("tokenizer") or {}).get("source") or "")
        found = objects_below(source) if source.startswith("s3://") else {}
        return {name: content for name, content in found.items() if "/" not in name and name.startswith("token")}

    def _publish(self, status: ClusterStatus) -> None:
        self._status = status
        self._write("status.json", status.to_json())

    def _write(self, name: str, content: str | bytes) -> None:
        write_s3(f"{self._uri}/{name}", content if isinstance(content, bytes) else content.encode())
