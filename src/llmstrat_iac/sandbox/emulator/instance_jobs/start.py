"""Which program a job on instances runs: the real launcher if it is one and the Python for it is there, or a stand-in;
and what can go wrong with it."""

from __future__ import annotations

from llmstrat_iac.sandbox.emulator.compute.trainer_process import trainer_python
from llmstrat_iac.sandbox.emulator.instance_jobs.cluster import ClusterRealRun, ClusterStandIn, is_cluster_job
from llmstrat_iac.sandbox.emulator.instance_jobs.real import LiveCourse, RealRun
from llmstrat_iac.sandbox.emulator.instance_jobs.work import StandIn, channel_files
from llmstrat_iac.sandbox.emulator.pretraining.launchers import cluster_python
from llmstrat_iac.sandbox.emulator.tuning.protocol import Arguments
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import Job
from llmstrat_iac.sandbox.jobs import CLUSTER_MISHAPS, INSTANCE_MISHAPS, MISHAPS


def mishaps_of(asked: Arguments) -> tuple[str, ...]:
    """What can go wrong with a job on these instances."""
    spot = INSTANCE_MISHAPS if asked.get("EnableManagedSpotTraining") else MISHAPS
    return (*CLUSTER_MISHAPS, *spot) if is_cluster_job(asked) else spot


def start_work(job: Job) -> None:
    """Put the job to work. One whose name or data asks for a mishap is a stand-in's."""
    live = LiveCourse(begun=job.course.begun)
    if is_cluster_job(job.asked):
        if cluster_python() is None or job.course.mishap is not None:
            job.work = ClusterStandIn(job.name, job.asked, job.course)
        else:
            job.course, job.work = live, ClusterRealRun(job.name, job.asked, live)
        return
    trains = "job.json" in channel_files(job.asked, "code")
    if trains and trainer_python() is not None and job.course.mishap is None:
        job.course, job.work = live, RealRun(job.name, job.asked, live, job.artifact)
    else:
        job.work = StandIn(job.name, job.asked, job.course, job.artifact)
