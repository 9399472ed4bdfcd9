"""A finder for SageMaker's training jobs, whatever they train or copy: only those that run cost anything."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from llmstrat_iac.components.leftovers import Finder, Found, belongs, pages
from llmstrat_iac.hookspecs import AwsSession

_KIND = "sagemaker training job"


def job_finder(stack_name: str, session: AwsSession) -> Finder:
    """Running jobs of the stack; they are stopped."""
    return Finder(_KIND, partial(_jobs, stack_name, session))


def _jobs(stack_name: str, session: AwsSession) -> Iterator[Found]:
    client = session.client("sagemaker")
    running = pages(
        client, "list_training_jobs", "TrainingJobSummaries", NameContains=stack_name, StatusEquals="InProgress"
    )
    for one in running:
        if belongs(list(pages(client, "list_tags", "Tags", ResourceArn=one["TrainingJobArn"])), stack_name):
            remove = partial(client.stop_training_job, TrainingJobName=one["TrainingJobName"])
            yield Found(_KIND, one["TrainingJobName"], "", billed=True, remove=remove)
