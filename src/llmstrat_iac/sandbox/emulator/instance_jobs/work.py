"""A job on instances at work: on the job clock by a stand-in, or by the real launcher where the trainer's Python is.

Either writes checkpoints, `status.json`, log lines and the result as they come due. A stand-in's are due by the clock,
so whoever looks gets them written first; a task does it for those who only look at S3 or the log.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from llmstrat_iac.sandbox.emulator.instance_jobs.logs import JobLog
from llmstrat_iac.sandbox.emulator.instance_jobs.results import Program, archive
from llmstrat_iac.sandbox.emulator.tuning.objects import objects_below, write_s3
from llmstrat_iac.sandbox.emulator.tuning.protocol import Arguments
from llmstrat_iac.sandbox.jobs import Course, Phase, let_time_go_on, losses
from llmstrat_iac.trainer.checkpoints import MARKER
from llmstrat_iac.trainer.progress import Status, now

STEPS = 100
_LOGGED_STEPS, _CHECKPOINT_STEPS = 10, 25
_POLL_SECONDS = 0.05


def channel_files(asked: Arguments, name: str) -> dict[str, bytes]:
    """What SageMaker puts into a channel's folder."""
    for channel in asked.get("InputDataConfig") or ():
        if channel["ChannelName"] == name:
            return objects_below(str((channel["DataSource"].get("S3DataSource") or {}).get("S3Uri") or ""))
    return {}


def write_result(artifact: str, files: dict[str, bytes]) -> None:
    """Put a job's model where its artifact is: an archive, or a folder of files."""
    if artifact.endswith(".tar.gz"):
        write_s3(artifact, archive(files))
    for name, content in files.items() if not artifact.endswith(".tar.gz") else ():
        write_s3(f"{artifact}/{name}", content)


class StandIn:
    """A job without its program, on the clock of `course`."""

    def __init__(self, name: str, asked: Arguments, course: Course, artifact: str) -> None:
        self.log = JobLog(name)
        self._asked, self._course, self._artifact = asked, course, artifact
        self._program = Program(channel_files(asked, "code"))
        self._status = Status(started=now(), updated=now(), total_steps=STEPS)
        self._written = False
        self._step = 0
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        let_time_go_on()
        while not self._written:
            self.advance()
            await asyncio.sleep(_POLL_SECONDS)

    def advance(self) -> None:
        """Write what is due."""
        phase = self._course.phase()
        if self._written or phase in (Phase.QUEUED, Phase.VALIDATING):
            return
        self._written = phase.over
        self._train_to(int(self._course.trained() * STEPS))
        if phase is Phase.COMPLETED:
            self._publish(replace(self._status, state="completed", finished=now()))
            data = b"".join(channel_files(self._asked, "train").values())
            write_result(self._artifact, self._program.result(self._status, data))
        elif phase is Phase.FAILED:
            self.log.write([self._course.complaint or "RuntimeError: an illegal memory access was encountered"])
            self._publish(replace(self._status, state="failed", failure=self._course.complaint, finished=now()))

    def _train_to(self, step: int) -> None:
        curve = losses(step / STEPS, STEPS)
        for passed in range(self._step + 1, step + 1):
            if passed % _LOGGED_STEPS == 0:
                self.log.write([f"{{'loss': '{curve[passed - 1]}', 'epoch': '{passed / STEPS:.2f}'}}"])
            if passed % _CHECKPOINT_STEPS == 0 and passed < STEPS:
                self._save(passed)
        if step > self._step:
            self._step = step
            self._publish(replace(self._status, step=step, metrics={"training_loss": curve[-1]}, updated=now()))

    def _save(self, step: int) -> None:
        state = json.dumps({"global_step": step})
        self._checkpoint(f"checkpoint-{step}/trainer_state.json", state)
        marker = {"step": step, "files": {"trainer_state.json": len(state)}}
        self._checkpoint(f"checkpoint-{step}/{MARKER}", json.dumps(marker))

    def _publish(self, status: Status) -> None:
        self._status = status
        if self._program.trains:
            self._checkpoint("status.json", status.to_json())

    def _checkpoint(self, name: str, content: str) -> None:
        folder = (self._asked.get("CheckpointConfig") or {}).get("S3Uri")
        if folder:
            write_s3(f"{folder.rstrip('/')}/{name}", content.encode())
