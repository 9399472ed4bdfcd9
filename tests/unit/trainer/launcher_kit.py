"""Runs the launcher as a runtime does, as a process of its own, around a trainer that only pretends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rendering_kit import KEY, placed, resolve_training

from llmstrat_iac.open_model.trainer_files import render_job

FAKE = Path(__file__).with_name("fake_trainer.py")


def job_files(folder: Path, **block: Any) -> dict[str, str]:
    """A job for one GPU."""
    return render_job(resolve_training(folder, placed("g6.xlarge"), **block), KEY)


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Put them into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def start_launcher(code: Path, python: Path, **environ: str) -> subprocess.Popen[str]:
    """`launch.py` in `code`, with `python` for the trainer's interpreter."""
    return subprocess.Popen(
        [sys.executable, "launch.py"],
        cwd=code,
        env={
            "PATH": os.environ["PATH"],
            "LLMSTRAT_TRAINER_PYTHON": str(python),
            "LLMSTRAT_POLL_SECONDS": "0.05",
            **environ,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_launcher(code: Path, python: Path, **environ: str) -> tuple[int, str]:
    """Exit code and output of a whole run."""
    process = start_launcher(code, python, **environ)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def fake_python(folder: Path) -> Path:
    """An interpreter that plays the trainer whatever it is told to run."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\n# -m NAME or -c CODE: this is what it does.\nexec "{sys.executable}" "{FAKE}" "$@"\n')
    path.chmod(0o755)
    return path


def wait_until(condition: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    """Poll until it is true; fail if the process ends before."""
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.stdout.read() if process.stdout else "it ended"
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)
