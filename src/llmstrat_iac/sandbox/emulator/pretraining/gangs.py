"""Instances of EC2 that train together: those whose tag gives the number of nodes and whose user data names a job."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Any

from llmstrat_iac.sandbox.emulator.compute import instances
from llmstrat_iac.sandbox.emulator.compute.tags import tag_map
from llmstrat_iac.sandbox.emulator.instance_jobs.logs import append
from llmstrat_iac.sandbox.emulator.pretraining.crew import work

Record = dict[str, Any]
_VARIABLE = re.compile(r"^export (LLMSTRAT_GROUP|LLMSTRAT_LOG_GROUP)=[\"']?([\w/.-]+)", re.MULTILINE)
_gangs: dict[str, Gang] = {}


class Gang:
    """The instances at one job; `over.sh` on any of them empties their group."""

    def __init__(self, uri: str, nodes: int, text: str) -> None:
        self.uri, self.nodes = uri, nodes
        variables = dict(_VARIABLE.findall(text))
        self._group = variables.get("LLMSTRAT_GROUP", "")
        self._log_group = variables.get("LLMSTRAT_LOG_GROUP", "")
        self._members: dict[str, Record] = {}
        self._names: tuple[str, ...] = ()
        self._task: asyncio.Task[None] | None = None

    def join(self, record: Record) -> None:
        """An instance has come."""
        self._members[record["InstanceId"]] = record
        self._names = tuple(tag_map(record["InstanceId"]).values())
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(work(self))

    def leave(self, instance_id: str) -> None:
        """An instance has ended."""
        self._members.pop(instance_id, None)

    def names(self) -> tuple[str, ...]:
        return self._names

    def hosts(self) -> list[str]:
        return list(self._members)

    def gone(self) -> bool:
        """Without instances the work rests; whoever joins next takes it up."""
        return not self._members and not self._wanted()

    def _wanted(self) -> bool:
        from ministack.services import autoscaling

        return int((autoscaling._asgs.get(self._group) or {}).get("DesiredCapacity") or 0) > 0

    def lose(self, host: str) -> None:
        instances.end(self._members[host], "terminated", instances.RECLAIMED)

    def say(self, lines: Iterable[str]) -> None:
        first = next(iter(self._members), "")
        if self._log_group and first:
            append(self._log_group, f"{self.uri.rpartition('/')[2]}/{first}", lines)

    def over(self) -> None:
        from ministack.services import autoscaling

        from llmstrat_iac.sandbox.emulator.compute import groups

        if self._group in autoscaling._asgs:
            groups.update({"AutoScalingGroupName": self._group, "MinSize": 0, "MaxSize": 0, "DesiredCapacity": 0})
        for record in list(self._members.values()):
            instances.shut_down(record)


def join(record: Record, uri: str, nodes: int, text: str) -> None:
    """Let an instance take part in a job."""
    uri = uri.rstrip("/")
    gang = _gangs.get(uri)
    if gang is None or gang.gone():
        gang = _gangs[uri] = Gang(uri, nodes, text)
    gang.join(record)


def leave(instance_id: str) -> None:
    """An instance has ended; it need not have been in any."""
    for gang in _gangs.values():
        gang.leave(instance_id)
