"""The real launcher on a few nodes that are folders, with a program that plays torchrun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretraining_kit import KEY

from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.cluster_files import render_cluster_job

PATIENCE = 120
# Called as python is: notes the module, and writes what `cluster.accept` would have measured.
TORCHRUN = """#!{python}
import json, os, pathlib, sys
root = pathlib.Path({root!r})
with (root / "ran").open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
nodes = [{{"node": each, "gpus": 0, "efa": 0, "read_gb_s": 1.0, "write_gb_s": 0.5}} for each in (0, 1)]
measured = {{"all_reduce_gb_s": {speed}, "nodes": nodes, "links": [[0, 1, {speed}], [1, 0, {speed}]]}}
pathlib.Path(os.environ["LLMSTRAT_RESULT"]).write_text(json.dumps(measured))
"""


@dataclass
class Job:
    """A job in a folder that plays S3."""

    root: Path

    def run(self, *names: str, patience: str = "60", speed: float = 400.0) -> list[int]:
        """One launcher on each node, until they end; what they exit with."""
        torchrun = self.root / "python"
        torchrun.write_text(TORCHRUN.format(python=sys.executable, root=str(self.root), speed=speed))
        torchrun.chmod(0o755)
        running = self.start(*names, patience=patience)
        try:
            return [process.wait(PATIENCE) for process in running]
        finally:
            for process in running:
                process.kill()

    def start(self, *names: str, patience: str = "60") -> list[subprocess.Popen[bytes]]:
        """One launcher on each node; `python` plays torchrun."""
        return [self._start(name, number, patience) for number, name in enumerate(names, 2)]

    def _start(self, name: str, number: int, patience: str) -> subprocess.Popen[bytes]:
        variables = {
            "LLMSTRAT_JOB_URI": (self.root / "bucket").as_uri(),
            "LLMSTRAT_WORK": str(self.root / name),
            "LLMSTRAT_HOST": name,
            "LLMSTRAT_ADDRESS": f"127.0.0.{number}",
            "LLMSTRAT_INTERFACE": "lo",
            "LLMSTRAT_CPU": "1",
            "LLMSTRAT_TRAINER_PYTHON": str(self.root / "python"),
            "LLMSTRAT_POLL_SECONDS": "0.05",
            "LLMSTRAT_BEAT_SECONDS": "0.1",
            "LLMSTRAT_PATIENCE_SECONDS": "60",
            "LLMSTRAT_START_SECONDS": patience,
        }
        command = [sys.executable, str(self.root / "code" / "cluster_launch.py")]
        with (self.root / f"{name}.txt").open("wb") as log:
            return subprocess.Popen(command, env={**os.environ, **variables}, stdout=log, stderr=log)

    def read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / "bucket" / name).read_text())
        return content

    @property
    def ran(self) -> str:
        """What torchrun was started with."""
        path = self.root / "ran"
        return path.read_text() if path.exists() else ""


def job_in(folder: Path, pretraining: ResolvedPretraining) -> Job:
    """Its files where a runtime would put them."""
    for name, text in render_cluster_job(pretraining, KEY).items():
        path = folder / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Job(folder)
