"""What instances do: a tag and the user data say it, and a task for each does it while the instance runs.

A serving instance runs an inference server with the arguments of its user data; a training instance trains, writes to
its bucket and shuts itself down; nodes of a cluster do so together. Everything lives in the emulator's event loop; a
server or trainer is a process.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ministack.services import alb

from llmstrat_iac.components.names import TAG_NODES, TAG_SERVES
from llmstrat_iac.sandbox.emulator.compute import instances, target_groups
from llmstrat_iac.sandbox.emulator.compute.tags import tag_map
from llmstrat_iac.sandbox.emulator.compute.training import JOB_URI, train
from llmstrat_iac.sandbox.emulator.pretraining import gangs
from llmstrat_iac.sandbox.fleet.process import EngineProcess

log = logging.getLogger(__name__)
Record = dict[str, Any]
_CHECK_SECONDS = 0.1
_ARGUMENTS = re.compile(r"^\s*(?:declare -a |readonly -a |local -a )?vllm_arguments=\(", re.MULTILINE)
_machines: dict[str, Machine] = {}


class Machine:
    """One running instance's work."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.engine: EngineProcess | None = None
        self.port: int | None = None
        """The port on which the instance itself listens, as its tag says."""
        self.answers: dict[str, int | None] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin whatever the instance was launched for."""
        tags, text = tag_map(self._record["InstanceId"]), user_data(self._record)
        job = JOB_URI.search(text)
        if tags.get(TAG_SERVES, "").isdigit():
            self.port = int(tags[TAG_SERVES])
            self._task = asyncio.create_task(self._serve(text))
        elif job is not None and tags.get(TAG_NODES, "").isdigit():
            gangs.join(self._record, job.group(1), int(tags[TAG_NODES]), text)
        elif job is not None:
            self._task = asyncio.create_task(train(self._record, job.group(1), text))

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.engine is not None:
            await self.engine.stop()

    async def _serve(self, text: str) -> None:
        arguments = serving_arguments(text)
        if arguments is None:
            log.warning("%s: its user data sets no `vllm_arguments`", self._record["InstanceId"])
            return
        self.engine = EngineProcess(self._record["InstanceId"], arguments)
        self.engine.start()
        while True:
            for group in list(_groups_of(self._record["InstanceId"])):
                path = str(group.get("HealthCheckPath") or "/")
                self.answers[group["TargetGroupArn"]] = await self.engine.status_of(path)
            await asyncio.sleep(_CHECK_SECONDS)


def install() -> None:
    """Let instances work from the moment they run until they end."""
    instances.on_run.append(_begin)
    instances.on_end.append(_end)
    target_groups.watch(_answer)


def address_of(instance_id: str, port: int) -> int | None:
    """The loopback port behind an instance's port; None if nothing listens there."""
    machine = _machines.get(instance_id)
    if machine is None or machine.engine is None or machine.port != port:
        return None
    return machine.engine.port


def user_data(record: Record) -> str:
    """An instance's user data as text, unpacked if it is compressed."""
    raw = base64.b64decode(record.get("UserData") or "")
    if raw[:2] == b"\x1f\x8b":
        with suppress(OSError, EOFError):
            raw = gzip.decompress(raw)
    return raw.decode("utf-8", "replace")


def serving_arguments(text: str) -> list[str] | None:
    """The words of the shell array `vllm_arguments=( … )`; None if there is none. Variables aren't expanded."""
    found = _ARGUMENTS.search(text)
    if found is None:
        return None
    words = shlex.shlex(text[found.end() :], posix=True, punctuation_chars="()")
    words.whitespace_split = True
    words.commenters = "#"
    result: list[str] = []
    for word in words:
        if word == ")":
            return result
        result.append(word)
    return None


def _begin(record: Record) -> None:
    machine = _machines[record["InstanceId"]] = Machine(record)
    machine.start()


def _end(record: Record) -> None:
    gangs.leave(record["InstanceId"])
    machine = _machines.pop(record["InstanceId"], None)
    if machine is not None:
        task = asyncio.create_task(machine.stop())
        _ending.add(task)
        task.add_done_callback(_ending.discard)


# The loop holds tasks weakly.
_ending: set[asyncio.Task[None]] = set()


def _answer(instance_id: str, group: str) -> int | None:
    machine = _machines.get(instance_id)
    return None if machine is None else machine.answers.get(group)


def _groups_of(instance_id: str) -> Iterator[Record]:
    for group, record in alb._tgs.items():
        if any(each["Id"] == instance_id for each in alb._targets.get(group) or ()):
            yield record
