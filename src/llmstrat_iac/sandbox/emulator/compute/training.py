"""An instance that trains: it writes `status.json`, checkpoints and its result to the job's place in S3, then ends.

With LLMSTRAT_TRAINER_PYTHON the real launcher does the work (`trainer_process`); without, this stand-in follows the
sandbox's job clock. Either way the instance's end is its scripts': out of its group, or by its own shutdown.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import replace
from typing import Any

from llmstrat_iac.sandbox.emulator.compute import faults, instances
from llmstrat_iac.sandbox.emulator.compute.tags import tag_map
from llmstrat_iac.sandbox.emulator.compute.trainer_process import run_launcher, trainer_python
from llmstrat_iac.sandbox.emulator.instance_jobs.results import trained
from llmstrat_iac.sandbox.emulator.tuning.objects import read_s3, write_s3
from llmstrat_iac.sandbox.jobs import Course, Faults, Phase, losses
from llmstrat_iac.trainer import EXIT_INTERRUPTED
from llmstrat_iac.trainer.checkpoints import MARKER
from llmstrat_iac.trainer.progress import Status, next_attempt, now

log = logging.getLogger(__name__)
Record = dict[str, Any]
JOB_URI = re.compile(r"LLMSTRAT_JOB_URI=[\"']?(s3://[^\s\"']+)")
_GROUP = re.compile(r"LLMSTRAT_GROUP=[\"']?([\w-]+)")
_POLL_SECONDS = 0.05
_LOOK_SECONDS = 0.2
_STEPS = 100
_CHECKPOINT_STEPS = 25
_faults = Faults()


class Interrupted(Exception):
    """The instance is taken away; whoever brings another lets the job go on."""


async def train(record: Record, uri: str, text: str) -> None:
    """Run the job of an instance, then end the instance as its scripts would."""
    names, uri = tuple(tag_map(record["InstanceId"]).values()), uri.rstrip("/")
    reason = "the launcher ended without a word"
    try:
        if trainer_python() is None:
            await _StandIn(uri, names).run()
        else:
            reason = f"the launcher ended with status {await _launch(record, uri, names)}"
    except Interrupted:
        instances.end(record, "terminated", instances.RECLAIMED)
        return
    except Exception as error:
        log.exception("%s: its training ended badly", record["InstanceId"])
        reason = f"{type(error).__name__}: {error}"
    _settle(uri, reason)
    _leave(record, text)


async def _launch(record: Record, uri: str, names: tuple[str, ...]) -> int:
    """The real launcher, until it ends or its instance is reclaimed half-way, as asked."""
    running = asyncio.ensure_future(run_launcher(record["InstanceId"], uri))
    try:
        while not running.done():
            status = _status(uri)
            half = status.total_steps and status.step >= status.total_steps / 2
            if half and status.state == "running" and faults.reclaimed(names):
                raise Interrupted
            await asyncio.wait({running}, timeout=_LOOK_SECONDS)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    code = running.result()
    if code == EXIT_INTERRUPTED:
        raise Interrupted
    return code


def _status(uri: str) -> Status:
    content = read_s3(f"{uri}/status.json")
    return Status(**json.loads(content)) if content else Status()


def _settle(uri: str, reason: str) -> None:
    """`finished.sh`: a job whose status isn't final has failed."""
    status = _status(uri)
    if status.state == "running":
        failed = replace(status, state="failed", failure=reason, updated=now(), finished=now())
        write_s3(f"{uri}/status.json", failed.to_json().encode())


def _leave(record: Record, text: str) -> None:
    """`finished.sh`: an instance of a group takes its place with it; one of its own shuts itself down."""
    from llmstrat_iac.sandbox.emulator.compute import groups

    found = _GROUP.search(text)
    if found is not None and groups.release(found.group(1), record["InstanceId"]):
        return
    instances.shut_down(record)


class _StandIn:
    """A training without a trainer, on the job clock; it goes on from the newest checkpoint."""

    def __init__(self, uri: str, names: tuple[str, ...]) -> None:
        self._uri, self._names = uri, names
        self._status = next_attempt(self._read_text("status.json"))
        self._status = replace(self._status, total_steps=_STEPS, step=self._newest_step())

    async def run(self) -> None:
        """From the files that are there to the result, or to a reason why not."""
        job = json.loads(self._read_text("code/job.json") or "{}")
        data = read_s3(f"{self._uri}/data/train.jsonl")
        if not job or data is None:
            what = "code" if not job else "training data"
            self._publish(replace(self._status, state="failed", failure=f"the {what} isn't there", finished=now()))
            return
        course = Course(None, _faults.mishap(self._names, data), faults.half_way(self._names))
        first = self._status.step
        self._publish(self._status)
        while not course.phase().over:
            taken = course.halted
            self._go_on(first + int(course.trained() * (_STEPS - first)))
            if taken:
                raise Interrupted
            await asyncio.sleep(_POLL_SECONDS)
        if course.phase() is Phase.FAILED:
            reason = course.complaint or "RuntimeError: CUDA error: an illegal memory access was encountered"
            failure = f"the trainer ended with exit status 1\n{reason}"
            self._publish(replace(self._status, state="failed", failure=failure, updated=now(), finished=now()))
            return
        self._go_on(_STEPS)
        self._finish(job, data)

    def _go_on(self, step: int) -> None:
        if step <= self._status.step:
            return
        done = losses(step / _STEPS, _STEPS)
        metrics = {"training_loss": done[-1]} if done else {}
        for passed in range(self._status.step + 1, step + 1):
            if passed % _CHECKPOINT_STEPS == 0 and passed < _STEPS:
                self._save(passed)
        self._publish(replace(self._status, step=step, metrics=metrics, updated=now()))

    def _save(self, step: int) -> None:
        folder, state = f"checkpoints/checkpoint-{step}", json.dumps({"global_step": step})
        self._write(f"{folder}/trainer_state.json", state)
        self._write(f"{folder}/{MARKER}", json.dumps({"step": step, "files": {"trainer_state.json": len(state)}}))

    def _newest_step(self) -> int:
        steps = range(_CHECKPOINT_STEPS, _STEPS, _CHECKPOINT_STEPS)
        found = [step for step in steps if self._read_text(f"checkpoints/checkpoint-{step}/{MARKER}")]
        return max(found, default=0)

    def _finish(self, job: Record, data: bytes) -> None:
        status = replace(self._status, state="completed", updated=now(), finished=now())
        for name, content in trained(job, status, data).items():
            self._write(f"output/{name}", content)
        self._publish(status)

    def _publish(self, status: Status) -> None:
        self._status = status
        self._write("status.json", status.to_json())

    def _read_text(self, name: str) -> str | None:
        content = read_s3(f"{self._uri}/{name}")
        return None if content is None else content.decode()

    def _write(self, name: str, content: str | bytes) -> None:
        write_s3(f"{self._uri}/{name}", content if isinstance(content, bytes) else content.encode())
