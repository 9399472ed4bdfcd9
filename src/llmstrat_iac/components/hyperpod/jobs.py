"""How far jobs on HyperPod are: what the launcher has written to the bucket, and whether there still is a cluster.

As on EC2, where instances stand for what here is the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from llmstrat_iac.components.cluster_files import cluster_prefix
from llmstrat_iac.components.ec2.jobs import Ec2Jobs, JobPlaces
from llmstrat_iac.components.hyperpod.names import HyperPodNames
from llmstrat_iac.components.leftovers import belongs, pages, unless_absent
from llmstrat_iac.components.tuning.aws_errors import explained
from llmstrat_iac.components.tuning.names import TAG_JOB
from llmstrat_iac.hookspecs import AwsSession, ResolvedSpec
from llmstrat_iac.target import Target
from llmstrat_iac.tuning import JobState, TuningJob

_GONE = ("Deleting", "Failed")


@dataclass
class JobCluster:
    """What there is of one job's cluster, in the words in which `Ec2Jobs` asks for machines."""

    name: str
    status: str
    since: datetime
    instances: list[str] = field(default_factory=list)
    """Its instances are nobody's to stop but the cluster's."""
    group: str | None = None

    @property
    def works(self) -> bool:
        """Whether it trains, or will."""
        return self.status not in _GONE


def open_jobs(
    resolved: ResolvedSpec, session: AwsSession, _target: Target, _secrets: Mapping[str, str]
) -> HyperPodJobs:
    """The stack's jobs."""
    return HyperPodJobs(resolved.stack_name, resolved.spec.region, session)


class HyperPodJobs(Ec2Jobs):
    """Jobs by their folder in the stack's bucket and by their clusters' tag."""

    def __init__(self, stack_name: str, region: str, session: AwsSession) -> None:
        names = HyperPodNames(stack_name)
        super().__init__(stack_name, region, session, JobPlaces(names.log, cluster_prefix, names.job_cluster))
        self._client = session.client("sagemaker")

    def cancel(self, job: TuningJob) -> None:
        """Mark the job, then delete its cluster."""
        super().cancel(job)
        with explained(f"the cluster {job.name} can't be deleted"):
            unless_absent(lambda: self._client.delete_cluster(ClusterName=job.name))

    def _machines(self) -> dict[str, Any]:
        """Clusters by job."""
        return {key: cluster for key, cluster in find_clusters(self._client, self._stack_name) if key}

    def _state(self, key: str, status: Mapping[str, Any], machines: Any) -> tuple[JobState, str | None]:
        """A cluster that couldn't be created says more than that the job never began."""
        state, failure = super()._state(key, status, machines)
        if state is JobState.FAILED and machines is not None and machines.status == "Failed":
            found = self._client.describe_cluster(ClusterName=machines.name).get("FailureMessage")
            return state, f"the cluster has failed: {found}" if found else failure
        return state, failure


def find_clusters(client: Any, stack_name: str) -> Iterator[tuple[str, JobCluster]]:
    """Job's key, empty if it has none, and cluster, of all that carry the stack's tag."""
    prefix = HyperPodNames(stack_name).cluster
    for found in pages(client, "list_clusters", "ClusterSummaries", NameContains=prefix):
        tags = list(pages(client, "list_tags", "Tags", ResourceArn=found["ClusterArn"]))
        if belongs(tags, stack_name):
            key = {tag["Key"]: tag["Value"] for tag in tags}.get(TAG_JOB, "")
            yield key, JobCluster(found["ClusterName"], found["ClusterStatus"], found["CreationTime"])
