"""The real cluster launcher, one process for each node, on loopback: rendezvous in the emulator's S3, torchrun, gloo.

The job is the stack's own but for what needs GPUs: model and trainer are tiny (`tiny_trainer`), one process a node, no
floors for links. A node that is taken away is killed; the one that replaces it starts anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmstrat_iac.cluster.layout import Layout
from llmstrat_iac.sandbox.emulator.pretraining.run import read_status
from llmstrat_iac.sandbox.emulator.pretraining.tiny_model import tiny_config
from llmstrat_iac.sandbox.emulator.tuning.objects import objects_below
from llmstrat_iac.sandbox.jobs import CLUSTER_VARIABLE

_TRAINER = Path(__file__).with_name("tiny_trainer.py")
_STEPS, _CHECKPOINTS = 24, 4
_POLL_SECONDS = 0.2
_END_SECONDS = 20.0
_LONGEST_LINE = 1 << 20
_SETTINGS = {
    "LLMSTRAT_CPU": "1", "LLMSTRAT_INTERFACE": "lo", "LLMSTRAT_POLL_SECONDS": "0.2", "LLMSTRAT_BEAT_SECONDS": "0.5",
    "LLMSTRAT_PATIENCE_SECONDS": "8", "LLMSTRAT_START_SECONDS": "120", "LLMSTRAT_SETTLE_SECONDS": "20",
    "LLMSTRAT_GATE_SECONDS": "120", "LLMSTRAT_ACCEPT_BYTES": str(4 << 20), "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
}  # fmt: skip
# One cluster at a time: few processors are soon too many processes'.
_turn = asyncio.Lock()


def cluster_python() -> str | None:
    """The Python that has torch, if there is one."""
    return os.environ.get(CLUSTER_VARIABLE) or None


def tiny_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """The job as machines without GPUs can do it."""
    return {
        **job,
        "processes": 1,
        "steps": _STEPS,
        "tokens_per_step": 132,
        "tokenizer": None,
        "config": tiny_config(job.get("config") or {}),
        "trainer": {"module": _TRAINER.stem, "arguments": ["train", str(_STEPS), str(_CHECKPOINTS)]},
        "export": {"module": _TRAINER.stem, "arguments": ["export"]},
        "checkpoints": asdict(Layout()),
        "progress": "",
        "gate": {**job["gate"], "nodes_gb_s": 0.001, "node_gb_s": None, "storage_gb_s": None},
    }


class Launchers:
    """The launchers of one job. `hosts` are the nodes now, `stopped` says whether there is any use in going on."""

    def __init__(
        self,
        uri: str,
        job: Mapping[str, Any],
        *,
        hosts: Callable[[], Sequence[str]],
        stopped: Callable[[], bool],
        say: Callable[[Iterable[str]], None],
        look: Callable[[Mapping[str, Any]], None] = lambda _status: None,
    ) -> None:
        self._uri, self._job = uri, job
        self._hosts, self._stopped, self._say, self._look = hosts, stopped, say, look
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._listening: set[asyncio.Task[None]] = set()
        self._addresses = 1
        self._port = 20_000 + secrets.randbelow(8_000)
        self._root = Path()

    async def run(self) -> None:
        """Until the job is over, or nobody wants it any more."""
        async with _turn:
            self._root = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="llmstrat-cluster-"))
            try:
                self._lay_out()
                while not self._stopped() and not self._over():
                    await self._follow()
                    await asyncio.sleep(_POLL_SECONDS)
                await self._await_end()
            finally:
                for host in list(self._running):
                    self._kill(host)
                await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    def _over(self) -> bool:
        return read_status(self._uri).get("state") in ("completed", "failed")

    def _lay_out(self) -> None:
        files = {**objects_below(f"{self._uri}/code/"), f"{_TRAINER.stem}.py": _TRAINER.read_bytes()}
        files["job.json"] = json.dumps(tiny_job(self._job)).encode()
        for folder, contents in (("code", files), ("corpus", objects_below(self._job["corpus"]["source"]))):
            (self._root / folder).mkdir()
            for name, content in contents.items():
                path = self._root / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    async def _follow(self) -> None:
        there = self._hosts()
        for host in [host for host in self._running if host not in there]:
            self._kill(host)
        for host in there:
            process = self._running.get(host)
            if process is None or process.returncode not in (None, 0, 1):
                self._running[host] = await self._start(host)
        self._look(read_status(self._uri))

    async def _start(self, host: str) -> asyncio.subprocess.Process:
        self._addresses += 1
        variables = {
            **{name: value for name, value in os.environ.items() if name != CLUSTER_VARIABLE},
            **_SETTINGS,
            "LLMSTRAT_JOB_URI": self._uri,
            "LLMSTRAT_WORK": str(self._root / "nodes" / host),
            "LLMSTRAT_CORPUS": str(self._root / "corpus"),
            "LLMSTRAT_HOST": host,
            "LLMSTRAT_ADDRESS": f"127.0.{self._addresses >> 8 & 255}.{self._addresses & 255}",
            "LLMSTRAT_PORT": str(self._port),
            "LLMSTRAT_TRAINER_PYTHON": str(cluster_python()),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "cluster_launch.py", cwd=self._root / "code", env=variables,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True, limit=_LONGEST_LINE,
        )  # fmt: skip
        task = asyncio.get_running_loop().create_task(self._listen(process))
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._say([line.decode("utf-8", "replace").rstrip()])

    def _kill(self, host: str) -> None:
        """All of a node's processes, as when its power goes; the launcher's children have sessions of their own."""
        process = self._running.pop(host)
        for pid in (process.pid, *_descendants(process.pid)) if process.returncode is None else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def _await_end(self) -> None:
        """The launchers notice by themselves that the job is over."""
        waiting = [asyncio.ensure_future(process.wait()) for process in self._running.values()]
        if waiting and not self._stopped():
            await asyncio.wait(waiting, timeout=_END_SECONDS)
        for task in waiting:
            task.cancel()


def _descendants(pid: int) -> list[int]:
    """Children, theirs, and so on, by Linux's /proc."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # gone meanwhile
            for child in map(int, path.read_text().split()):
                found += [child, *_descendants(child)]
    return found
