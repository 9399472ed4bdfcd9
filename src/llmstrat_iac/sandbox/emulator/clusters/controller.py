"""A Slurm controller: it submits the job that its lifecycle files name, and ends the cluster when that is over.

The files are those of `components/hyperpod/lifecycle.py`; what differs from job to job is in their `env`.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Mapping

from llmstrat_iac.sandbox.emulator.clusters.store import Cluster, clusters
from llmstrat_iac.sandbox.emulator.instance_jobs.logs import append
from llmstrat_iac.sandbox.emulator.pretraining.crew import work
from llmstrat_iac.sandbox.emulator.tuning.objects import objects_below
from llmstrat_iac.sandbox.jobs import clock

_ENVIRONMENT = "env"
_tasks: set[asyncio.Task[None]] = set()


def submit(cluster: Cluster) -> None:
    """Let the controller of a new cluster do what its files say; nothing, if they name no job."""
    group = next((each for each in cluster.groups if _node_type(each) == "Controller"), None)
    if group is None:
        return
    variables = _variables(group)
    if variables.get("LLMSTRAT_JOB_URI"):
        task = asyncio.get_running_loop().create_task(work(Controller(cluster, variables)))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)


def _node_type(group: Mapping[str, object]) -> object:
    config = group.get("SlurmConfig")
    return config.get("NodeType") if isinstance(config, Mapping) else None


def _variables(group: Mapping[str, object]) -> dict[str, str]:
    config = group.get("LifeCycleConfig")
    source = str(config.get("SourceS3Uri") or "") if isinstance(config, Mapping) else ""
    text = objects_below(source).get(_ENVIRONMENT, b"").decode()
    words = [shlex.split(line) for line in text.splitlines()]
    return dict(line[1].split("=", 1) for line in words if len(line) > 1 and line[0] == "export" and "=" in line[1])


class Controller:
    """The workers as a crew."""

    def __init__(self, cluster: Cluster, variables: Mapping[str, str]) -> None:
        self.uri = variables["LLMSTRAT_JOB_URI"].rstrip("/")
        self._cluster, self._variables = cluster, variables
        self._workers = [
            each["InstanceGroupName"] for each in cluster.groups if _node_type(each) == "Compute"
        ]  # fmt: skip
        held = sum(int(each["InstanceCount"]) for each in cluster.groups if each["InstanceGroupName"] in self._workers)
        self.nodes = int(variables.get("LLMSTRAT_NODES") or held)

    def names(self) -> tuple[str, ...]:
        return (self._cluster.name, *self._cluster.tags().values())

    def hosts(self) -> list[str]:
        self._cluster.settle()
        if not self._cluster.noticed:
            return []
        return [node.host for group in self._workers for node in self._cluster.working(group)]

    def gone(self) -> bool:
        cluster = self._cluster
        return cluster.deleted is not None or cluster.status == "Failed" or clusters.get(cluster.name) is not cluster

    def lose(self, host: str) -> None:
        for node in self._cluster.nodes:
            if node.host == host:
                node.failed = clock()

    def say(self, lines: Iterable[str]) -> None:
        if self._variables.get("LLMSTRAT_LOG_GROUP"):
            stream = f"{self.uri.rpartition('/')[2]}/{next(iter(self.hosts()), 'controller')}"
            append(self._variables["LLMSTRAT_LOG_GROUP"], stream, lines)

    def over(self) -> None:
        if self._variables.get("LLMSTRAT_DELETE") == "1":
            self._cluster.deleted = clock()
