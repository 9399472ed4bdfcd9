"""Keeps what Pulumi's state says of jobs true: the AWS provider deletes by what it last saw.

A job that was running when it was registered would be stopped, which fails when it is over, and the model that has
come of it since wouldn't be deleted. So the jobs, and nothing else, are refreshed before an operation that may delete.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmstrat_iac.engine.events import OnEvent
from llmstrat_iac.engine.results import Snapshot
from llmstrat_iac.engine.stack import Stack

JOB_TYPES = frozenset({"aws:bedrock/customModel:CustomModel", "aws:sagemaker/trainingJob:TrainingJob"})


def refresh_jobs(stack: Stack, snapshot: Snapshot | None, on_event: OnEvent) -> None:
    """Refresh the jobs that weren't over when the state last saw them."""
    if snapshot is None or settled(snapshot):
        return
    jobs = [resource.urn for resource in snapshot.resources if resource.type in JOB_TYPES]
    if jobs:
        stack.refresh(on_event, targets=jobs)


def settled(snapshot: Snapshot) -> bool:
    """Whether the last `up` has seen the job's end, and taken down what only the job needed."""
    job = snapshot.outputs.values.get("job")
    return isinstance(job, Mapping) and job.get("settled") is True
