"""A job on many instances that the cluster launcher runs, without its program: by the job clock, to its place in S3.

SageMaker knows nothing of gate, steps and model: the launcher writes them below LLMSTRAT_JOB_URI.
"""

from __future__ import annotations

import asyncio

from llmstrat_iac.cluster import ENTRY
from llmstrat_iac.sandbox.emulator.instance_jobs.logs import JobLog
from llmstrat_iac.sandbox.emulator.instance_jobs.telling import secondary
from llmstrat_iac.sandbox.emulator.instance_jobs.work import channel_files
from llmstrat_iac.sandbox.emulator.pretraining.run import Run, read_job, read_status
from llmstrat_iac.sandbox.emulator.tuning.protocol import Arguments
from llmstrat_iac.sandbox.jobs import Course, let_time_go_on

_JOB_URI = "LLMSTRAT_JOB_URI"
_POLL_SECONDS = 0.05


def is_cluster_job(asked: Arguments) -> bool:
    """Whether its code is the cluster launcher's."""
    return ENTRY in channel_files(asked, "code")


class ClusterStandIn:
    """The nodes `algo-1` to `algo-N` at one job."""

    def __init__(self, name: str, asked: Arguments, course: Course) -> None:
        self.log = JobLog(name, course.begun)
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
        if secondary(self._course) == "Interrupted" and not self._interrupted:
            self._interrupted = True
            self._run.begin_again()
        self._run.advance()
        self.log.write(self._run.lines)
        self._run.lines.clear()


def _run(asked: Arguments, course: Course) -> Run | None:
    """None for a job that can't begin, or whose model is there already; the course says why."""
    uri = str((asked.get("Environment") or {}).get(_JOB_URI) or "").rstrip("/")
    job = read_job(uri) if uri else None
    if job is None:
        course.complaint = f"the job's code isn't at {_JOB_URI}={uri}"
        return None
    if read_status(uri).get("state") == "failed":
        course.complaint = "the job is failed"
        return None
    count = int(asked["ResourceConfig"].get("InstanceCount") or 1)
    return Run(uri, job, [f"algo-{number}" for number in range(1, count + 1)], course)
