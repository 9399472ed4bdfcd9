"""A training job that the real launcher runs, in a temporary folder laid out as /opt/ml, on a tiny model.

Status, metrics, checkpoints and result are the launcher's own. What SageMaker does around a container is done here:
channels in, checkpoints back and forth, the failure's reason out, SIGTERM when the job is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmstrat_iac.sandbox.emulator.compute.trainer_process import trainer_python
from llmstrat_iac.sandbox.emulator.instance_jobs.logs import JobLog
from llmstrat_iac.sandbox.emulator.instance_jobs.work import channel_files, write_result
from llmstrat_iac.sandbox.emulator.tuning.objects import objects_below, write_s3
from llmstrat_iac.sandbox.emulator.tuning.protocol import Arguments
from llmstrat_iac.sandbox.jobs import Course, Phase, clock, let_time_go_on

_TINY = Path(__file__).parents[1] / "compute" / "tiny_llama.py"
_POLL_SECONDS = 0.5
_KILL_SECONDS = 120.0  # what SageMaker gives between SIGTERM and SIGKILL
_LONGEST_LINE = 1 << 20
_COMPLETED = 0
_NEVER = float("inf")
# What a container on AWS needs and a process here must not have.
_DROPPED = ("LLMSTRAT_INSTALL", "LLMSTRAT_TOKEN_SECRET")
_turn = asyncio.Lock()


@dataclass
class LiveCourse(Course):
    """A job's way as its process goes it, not the clock."""

    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None

    @property
    def training_from(self) -> float | None:
        return self.started

    @property
    def ends(self) -> float:
        return self.ended or _NEVER

    def phase(self, now: float | None = None) -> Phase:
        if self.ended is None:
            running = Phase.TRAINING if self.started else Phase.VALIDATING
            return Phase.STOPPING if self.stopped is not None else running
        if self.stopped is not None:
            return Phase.STOPPED
        return Phase.COMPLETED if self.exit_code == _COMPLETED else Phase.FAILED

    def trained(self, now: float | None = None) -> float:
        return float(self.phase() is Phase.COMPLETED)


class RealRun:
    """One process of the launcher, and what goes in and out of its folder."""

    def __init__(self, name: str, asked: Arguments, course: LiveCourse, artifact: str) -> None:
        self.log = JobLog(name)
        self._asked, self._course, self._artifact = asked, course, artifact
        self._copied: dict[str, tuple[int, int]] = {}
        self._task = asyncio.get_running_loop().create_task(self._run())

    def advance(self) -> None:
        """Nothing is due by the clock."""

    async def _run(self) -> None:
        let_time_go_on()
        root = Path(tempfile.mkdtemp(prefix="llmstrat-job-"))
        try:
            # One at a time: two small trainings at once are slower than one after the other.
            async with _turn:
                if self._course.stopped is None:
                    self._course.exit_code = await self._train(root)
        except Exception as error:
            self._course.complaint = f"{type(error).__name__}: {error}"
        finally:
            self._course.ended = clock()
            await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)

    async def _train(self, root: Path) -> int:
        await asyncio.to_thread(self._lay_out, root)
        python = trainer_python()
        assert python is not None
        code = await self._process([python, str(_TINY), str(root / "tiny")], root, {})
        if code == _COMPLETED:
            self._course.started = clock()
            code = await self._process([sys.executable, "launch.py"], root / "input/data/code", self._variables(root))
        self._copy_checkpoints(root)
        reason = root / "output" / "failure"
        if code == _COMPLETED:
            write_result(self._artifact, _files(root / "model"))
        else:
            self._course.complaint = reason.read_text() if reason.exists() else f"the program ended with {code}"
        return code

    def _lay_out(self, root: Path) -> None:
        for channel in self._asked.get("InputDataConfig") or ():
            name = channel["ChannelName"]
            _write(root / "input/data" / name, channel_files(self._asked, name))
        _write(root / "checkpoints", objects_below(f"{self._folder}/") if self._folder else {})

    def _variables(self, root: Path) -> dict[str, str]:
        asked = {key: str(value) for key, value in (self._asked.get("Environment") or {}).items()}
        return {
            **{key: value for key, value in asked.items() if key not in _DROPPED},
            "LLMSTRAT_ML_ROOT": str(root),
            "LLMSTRAT_WORK": str(root / "scratch"),
            "LLMSTRAT_MODEL": str(root / "tiny"),
            "LLMSTRAT_CPU": "1",
            "LLMSTRAT_POLL_SECONDS": "0.2",
            "HF_HUB_OFFLINE": "1",
            "HF_TOKEN": "sandbox",
        }

    async def _process(self, command: list[str], folder: Path, variables: Mapping[str, str]) -> int:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={**os.environ, **variables}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, limit=_LONGEST_LINE,
        )  # fmt: skip
        watcher = asyncio.get_running_loop().create_task(
            self._watch(process, Path(variables.get("LLMSTRAT_ML_ROOT", "")))
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                self.log.write([line.decode("utf-8", "replace").rstrip()])
            return await process.wait()
        finally:
            watcher.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _watch(self, process: asyncio.subprocess.Process, root: Path) -> None:
        """Copy checkpoints while it runs; tell it to end when the job is stopped."""
        while self._course.stopped is None:
            await asyncio.sleep(_POLL_SECONDS)
            self._copy_checkpoints(root)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            await asyncio.sleep(_KILL_SECONDS)
            process.kill()

    @property
    def _folder(self) -> str:
        return str((self._asked.get("CheckpointConfig") or {}).get("S3Uri") or "").rstrip("/")

    def _copy_checkpoints(self, root: Path) -> None:
        for path in (root / "checkpoints").rglob("*") if self._folder else ():
            with contextlib.suppress(OSError):  # moved or being replaced
                name, facts = path.relative_to(root / "checkpoints").as_posix(), path.stat()
                seen = (facts.st_size, facts.st_mtime_ns)
                if path.is_file() and self._copied.get(name) != seen:
                    write_s3(f"{self._folder}/{name}", path.read_bytes())
                    self._copied[name] = seen


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
