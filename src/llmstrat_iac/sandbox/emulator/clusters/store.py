"""SageMaker's clusters and their nodes, by account and region. Tags are the tuning store's."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict

from llmstrat_iac.sandbox.emulator.compute import interfaces
from llmstrat_iac.sandbox.emulator.training_plans.store import plan
from llmstrat_iac.sandbox.emulator.tuning.protocol import ApiError, Arguments
from llmstrat_iac.sandbox.emulator.tuning.sagemaker_store import STORE
from llmstrat_iac.sandbox.jobs import Course, Phase, clock, job_seconds

# Of a job's time: HyperPod takes tens of minutes for each, jobs take days.
CREATING, UPDATING = 0.5, 0.2
_DELETING, _REPLACING = 0.2, 0.2


@dataclass
class Node:
    """An instance of a group; `failed` is when it broke."""

    group: str
    kind: str
    address: str
    interface: str | None = None
    id: str = field(default_factory=lambda: f"i-{secrets.token_hex(9)[:17]}")
    launched: float = field(default_factory=clock)
    failed: float | None = None

    @property
    def host(self) -> str:
        """As Slurm knows it."""
        return f"ip-{self.address.replace('.', '-')}"


@dataclass
class Cluster:
    """A cluster on its way; `updating` once it has been in service before.

    `noticed` is whether anybody has been told that it is in service. Until then it trains nothing: jobs that take days
    aren't over, and their cluster isn't gone, between two looks of whoever waits for its creation.
    """

    arn: str
    name: str
    asked: Arguments
    course: Course
    nodes: list[Node] = field(default_factory=list)
    created: float = field(default_factory=clock)
    updating: bool = False
    noticed: bool = False
    deleted: float | None = None

    @property
    def status(self) -> str:
        """As DescribeCluster has it. A failed update leaves the cluster in service."""
        if self.deleted is not None:
            return "Deleting"
        phase = self.course.phase()
        if phase is Phase.COMPLETED or (phase is Phase.FAILED and self.updating):
            return "InService"
        if phase is Phase.FAILED:
            return "Failed"
        return "Updating" if self.updating else "Creating"

    @property
    def groups(self) -> list[dict[str, Any]]:
        """As they were asked for."""
        return list(self.asked.get("InstanceGroups") or ())

    @property
    def recovers(self) -> bool:
        """Whether HyperPod replaces nodes that break."""
        return self.asked.get("NodeRecovery") != "None"

    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return STORE.tags.get(self.arn) or {}

    def working(self, group: str) -> list[Node]:
        """Nodes of a group that run."""
        there = self.status in ("InService", "Updating")
        return [node for node in self.nodes if node.group == group and node.failed is None and there]

    def settle(self) -> None:
        """Replace the nodes whose time has come, and bring groups to their numbers."""
        if self.deleted is not None:
            return
        for node in self.nodes:
            if node.failed is not None and self.recovers and clock() >= node.failed + _REPLACING * job_seconds():
                self._remove(node)
        for group in self.groups:
            held = [node for node in self.nodes if node.group == group["InstanceGroupName"]]
            wanted = int(group["InstanceCount"]) if _has_capacity(group) else 0
            for node in held[wanted:]:
                self._remove(node)
            for _ in range(wanted - len(held)):
                self.nodes.append(self._new_node(group))
        names = {group["InstanceGroupName"] for group in self.groups}
        for node in [node for node in self.nodes if node.group not in names]:
            self._remove(node)

    def _new_node(self, group: Mapping[str, Any]) -> Node:
        network = group.get("OverrideVpcConfig") or self.asked.get("VpcConfig")
        name, kind = group["InstanceGroupName"], group["InstanceType"]
        if not network:
            number = len(self.nodes) + 4
            return Node(name, kind, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
        made = interfaces.add(
            network["Subnets"][0], network["SecurityGroupIds"], description=f"Amazon SageMaker cluster {self.name}"
        )
        return Node(name, kind, made["PrivateIpAddress"], made["NetworkInterfaceId"])

    def _remove(self, node: Node) -> None:
        self.nodes = [each for each in self.nodes if each is not node]
        interfaces.remove([node.interface] if node.interface else [])

    def empty(self) -> None:
        """End all nodes."""
        for node in list(self.nodes):
            self._remove(node)


def _has_capacity(group: Mapping[str, Any]) -> bool:
    """A group that names a training plan has instances only in the plan's time; it is in service all the same."""
    found = plan(group["TrainingPlanArn"]) if group.get("TrainingPlanArn") else None
    return found is None or found.there()


clusters = AccountRegionScopedDict()


def everything() -> Iterator[Cluster]:
    """All that are there, as they are now."""
    for each in list(clusters.values()):
        if each.deleted is not None and clock() >= each.deleted + _DELETING * job_seconds():
            each.empty()
            del clusters[each.name]
            STORE.tags.pop(each.arn, None)
        else:
            each.settle()
            yield each


def cluster(name: str) -> Cluster:
    """One by its name or ARN."""
    for each in everything():
        if name in (each.name, each.arn):
            return each
    raise ApiError("ResourceNotFound", f"Cluster with name {name} was not found.")
