"""A job on many instances that the cluster launcher runs, itself or by a stand-in on the job clock.

SageMaker knows nothing of gate, steps and model: the launcher writes them below LLMSTRAT_JOB_URI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from llmstrat_iac.cluster import ENTRY
from llmstrat_iac.sandbox.emulator.instance_jobs.logs import JobLog
from llmstrat_iac.sandbox.emulator.instance_jobs.real import LiveCourse
from llmstrat_iac.sandbox.emulator.instance_jobs.telling import interrupted
from llmstrat_iac.sandbox.emulator.instance_jobs.work import channel_files
from llmstrat_iac.sandbox.emulator.pretraining.launchers import Launchers
from llmstrat_iac.sandbox.emulator.pretraining.run import Run, read_job, read_status
from llmstrat_iac.sandbox.emulator.tuning.protocol import Arguments
from llmstrat_iac.sandbox.jobs import Course, clock, let_time_go_on

_JOB_URI = "LLMSTRAT_JOB_URI"
_POLL_SECONDS = 0.05


def is_cluster_job(asked: Arguments) -> bool:
    """Whether its code is the cluster launcher's."""
    return ENTRY in channel_files(asked, "code")


def job_uri(asked: Arguments) -> str:
    """Its place in S3; empty if nothing says so."""
    return str((asked.get("Environment") or {}).get(_JOB_URI) or "").rstrip("/")


def hosts_of(asked: Arguments) -> list[str]:
    """Its nodes, as SageMaker names them."""
    return [f"algo-{number}" for number in range(1, int(asked["ResourceConfig"].get("InstanceCount") or 1) + 1)]


class ClusterStandIn:
    """The nodes `algo-1` to `algo-N` at one job."""

    def __init__(self, name: str, asked: Arguments, course: Course) -> None:
        self.log = JobLog(name)
        self._course = course
        self._run = _run(asked, course)
        self._interrupted = False
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        let_time_go_on()
        while not self._course.phase().over:
            self.advance()
            await asyncio.sleep(_POLL_SECONDS)
        self.advance()

    def advance(self) -> None:
        """Write what is due."""
        if self._run is None:
            return
        if interrupted(self._course) and not self._interrupted:
            self._interrupted = True
            self._run.begin_again()
        self._run.advance()
        self.log.write(self._run.lines)
        self._run.lines.clear()


def _run(asked: Arguments, course: Course) -> Run | None:
    """None for a job that can't begin, or whose model is there already; the course says why."""
    uri = job_uri(asked)
    job = read_job(uri) if uri else None
    if job is None:
        course.complaint = f"the job's code isn't at {_JOB_URI}={uri}"
        return None
    if read_status(uri).get("state") == "failed":
        course.complaint = "the job is failed"
        return None
    return Run(uri, job, hosts_of(asked), course)


class ClusterRealRun:
    """The same nodes with the real launcher on each."""

    def __init__(self, name: str, asked: Arguments, course: LiveCourse) -> None:
        self.log = JobLog(name)
        self._asked, self._course = asked, course
        self._task = asyncio.get_running_loop().create_task(self._work())

    def advance(self) -> None:
        """Nothing is due by the clock."""

    async def _work(self) -> None:
        let_time_go_on()
        uri = job_uri(self._asked)
        job = read_job(uri) if uri else None
        try:
            if job is None:
                raise FileNotFoundError(f"the job's code isn't at {_JOB_URI}={uri}")
            while clock() < self._course.begun and self._course.stopped is None:
                await asyncio.sleep(_POLL_SECONDS)
            launchers = Launchers(
                uri, job, hosts=lambda: hosts_of(self._asked), stopped=lambda: self._course.stopped is not None,
                say=self.log.write, look=self._look,
            )  # fmt: skip
            await launchers.run()
            status = read_status(uri)
            self._course.exit_code = 0 if status.get("state") == "completed" else 1
            self._course.complaint = status.get("failure")
        except Exception as error:
            self._course.complaint = f"{type(error).__name__}: {error}"
        finally:
            self._course.ended = clock()

    def _look(self, status: Mapping[str, Any]) -> None:
        if status and self._course.started is None:
            self._course.started = clock()
