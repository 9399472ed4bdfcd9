"""Renders jobs into a machine's folders and launches them for real, with the trainer environment's Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rendering_kit import KEY

from llmstrat_iac.components.tuning.upload import converted_files
from llmstrat_iac.open_model import ResolvedTraining
from llmstrat_iac.open_model.trainer_files import render_job

HERE = Path(__file__).parent
PYTHON = os.environ.get("LLMSTRAT_TRAINER_PYTHON", "")
"""Set by `make test-trainer`."""


def run_trainer_python(*arguments: str, **environ: str) -> str:
    """The output of a script in the trainer's environment; what went wrong, if something did."""
    done = subprocess.run(
        [PYTHON, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **environ}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Machine:
    """A folder that has SageMaker's layout, or an EC2 instance's with its part of S3 in another folder."""

    root: Path
    model: Path
    bucket: Path | None = None

    @property
    def work(self) -> Path:
        """Where checkpoints and results lie."""
        return self.root

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def output(self) -> Path:
        return self.root / ("output" if self.bucket else "model")

    @property
    def code(self) -> Path:
        return self.root / ("code" if self.bucket else "input/data/code")

    def put_job(self, training: ResolvedTraining) -> None:
        """Everything that a runtime puts there."""
        for name, text in render_job(training, KEY).items():
            path = self.code / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for channel, source in converted_files(training, _NoSession()).items():
            folder = self.bucket / "data" if self.bucket else self.root / "input/data" / channel
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{channel}.jsonl").write_bytes(source.read_bytes())

    def start(self, **environ: str) -> subprocess.Popen[str]:
        """The launcher as a process of its own."""
        place = {"LLMSTRAT_ML_ROOT": str(self.root)}
        if self.bucket is not None:
            place = {"LLMSTRAT_JOB_URI": self.bucket.as_uri()}
        variables = {
            **place,
            "LLMSTRAT_WORK": str(self.root if self.bucket else self.root / "scratch"),
            "LLMSTRAT_TRAINER_PYTHON": PYTHON,
            "LLMSTRAT_CPU": "1",
            "LLMSTRAT_MODEL": str(self.model),
            "LLMSTRAT_POLL_SECONDS": "0.2",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [sys.executable, "launch.py"],
            cwd=self.code,
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **variables, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, **environ: str) -> tuple[int, str]:
        """Exit code and output of a whole run."""
        process = self.start(**environ)
        output, _ = process.communicate()
        return process.returncode, output

    def status(self) -> Mapping[str, Any]:
        """`status.json`, as whoever looks at the job reads it."""
        folder = self.bucket or self.checkpoints
        status: Mapping[str, Any] = json.loads((folder / "status.json").read_text())
        return status


class _NoSession:
    """Local files need no AWS."""

    def client(self, service_name: str) -> Any:
        raise AssertionError(f"{service_name} was asked for")


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> None:
    """Poll until it is true; fail with the process's output if that ends before."""
    deadline = time.monotonic() + 600
    while not condition():
        if process is not None and process.poll() is not None:
            assert condition(), process.stdout.read() if process.stdout else "it ended"
            return
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)
