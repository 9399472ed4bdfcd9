"""Nodes that come and go, and the job that they work at: one generation after the other until it is over.

EC2's instances and HyperPod's workers are such crews. A lost node ends a generation; with its replacement, or after a
while with as many nodes as the job allows, the next one goes on from the newest checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from llmstrat_iac.sandbox.emulator.compute import faults
from llmstrat_iac.sandbox.emulator.pretraining.launchers import Launchers, cluster_python
from llmstrat_iac.sandbox.emulator.pretraining.run import Job, Run, read_job, read_status, settle
from llmstrat_iac.sandbox.jobs import CLUSTER_MISHAPS, Course, Faults, job_seconds, let_time_go_on

log = logging.getLogger(__name__)
_POLL_SECONDS = 0.05
_SETTLE = 0.5
"""Of a job's time: how long the others wait for a lost node's replacement."""
_faults = Faults()


class Crew(Protocol):
    """Whoever has the nodes."""

    uri: str
    nodes: int
    """That the job was planned for."""

    def names(self) -> tuple[str, ...]:
        """In which a mishap may be asked for."""

    def hosts(self) -> list[str]:
        """Nodes that work now, those that came first before others."""

    def gone(self) -> bool:
        """Whether there never will be any again."""

    def lose(self, host: str) -> None:
        """Take a node away."""

    def say(self, lines: Iterable[str]) -> None:
        """Put lines into the job's log."""

    def over(self) -> None:
        """End the nodes: the job is over."""


async def work(crew: Crew) -> None:
    """Train until the job is over or its nodes are gone."""
    let_time_go_on()
    try:
        await _work(crew)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.exception("%s: the training ended badly", crew.uri)
        settle(crew.uri, f"{type(error).__name__}: {error}")
    if not crew.gone():
        crew.over()


async def _work(crew: Crew) -> None:
    job = read_job(crew.uri)
    if job is None:
        settle(crew.uri, "the job's code isn't there")
        return
    mishap = _faults.mishap(crew.names(), kinds=CLUSTER_MISHAPS)
    if mishap is None and cluster_python() is not None:
        await _launch(crew, job)
        return
    lost = False
    while not crew.gone() and read_status(crew.uri).get("state") not in ("completed", "failed"):
        hosts = await _gather(crew, job, patience=_SETTLE * job_seconds() if lost else None)
        if hosts:
            course = Course(mishap=None if lost else mishap, halts=faults.half_way(crew.names()))
            # Nodes that have come are past all that a managed service does before a job runs.
            course.begun -= course.validated - course.begun
            await _generation(crew, Run(crew.uri, job, hosts, course))
            lost = True


async def _launch(crew: Crew, job: Job) -> None:
    """The real launcher on all nodes, once there are as many as planned."""

    def look(status: Mapping[str, Any]) -> None:
        half = status.get("total_steps") and status["step"] >= status["total_steps"] / 2
        if half and status["state"] == "running" and crew.hosts() and faults.reclaimed(crew.names()):
            crew.lose(crew.hosts()[-1])

    await _gather(crew, job, patience=None)
    await Launchers(crew.uri, job, hosts=crew.hosts, stopped=crew.gone, say=crew.say, look=look).run()


async def _gather(crew: Crew, job: Job, *, patience: float | None) -> list[str]:
    """The planned number of nodes, or, with `patience` at an end, the most that the job goes on with."""
    waited = 0.0
    while not crew.gone():
        there = crew.hosts()
        if len(there) >= crew.nodes:
            return there[: crew.nodes]
        fewer = [count for count in job["allowed_nodes"] if count <= len(there)]
        if patience is not None and waited > patience and fewer:
            return there[: max(fewer)]
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
    return []


async def _generation(crew: Crew, run: Run) -> None:
    while not run.over and set(run.hosts) <= set(crew.hosts()):
        taken = run.course.halted
        run.advance()
        if run.lines:
            crew.say(run.lines)
            run.lines.clear()
        if taken:
            crew.lose(run.hosts[-1])
        await asyncio.sleep(_POLL_SECONDS)
