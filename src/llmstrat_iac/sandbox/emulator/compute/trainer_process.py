"""The real launcher as an instance runs it, with a tiny model in the place of the job's: a process of this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

from llmstrat_iac.sandbox.environment import HOME_VARIABLE
from llmstrat_iac.sandbox.jobs import TRAINER_VARIABLE

_FAILED = 1
_TINY = Path(__file__).parent / "tiny_llama.py"
# AWS gives a reclaimed instance two minutes; a tiny model is saved sooner.
_KILL_SECONDS = 30.0
# One at a time: two small trainings at once are slower on few processors than one after the other.
_turn = asyncio.Lock()


def trainer_python() -> str | None:
    """The Python that has the trainer's libraries, if there is one."""
    return os.environ.get(TRAINER_VARIABLE) or None


async def run_launcher(name: str, uri: str) -> int:
    """Train by the job's own files; the launcher's exit code. The log goes beside the sandbox's others."""
    python = trainer_python()
    assert python is not None
    work = Path(tempfile.mkdtemp(prefix=f"llmstrat-{name}-"))
    try:
        async with _turn:
            model = work / "tiny"
            if await _run([python, str(_TINY), str(model)], name, work) != 0:
                return _FAILED
            if await _run([sys.executable, "-c", _FETCH, uri, str(work / "code")], name, work) != 0:
                return _FAILED
            settings = {
                "LLMSTRAT_JOB_URI": uri,
                "LLMSTRAT_WORK": str(work),
                "LLMSTRAT_MODEL": str(model),
                "LLMSTRAT_CPU": "1",
                "OMP_NUM_THREADS": "1",
                "LLMSTRAT_POLL_SECONDS": "0.2",
                "HF_HUB_OFFLINE": "1",
            }
            return await _run([sys.executable, str(work / "code" / "launch.py")], name, work, settings)
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)


# What `aws s3 sync JOB/code code` does on an instance.
_FETCH = """
import pathlib, sys, boto3
bucket, _, prefix = sys.argv[1].removeprefix("s3://").partition("/")
prefix = f"{prefix}/code/"
s3 = boto3.client("s3")
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
    for item in page.get("Contents", []):
        path = pathlib.Path(sys.argv[2]) / item["Key"].removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, item["Key"], str(path))
"""


async def _run(command: list[str], name: str, folder: Path, variables: dict[str, str] | None = None) -> int:
    """Run one command to its end; SIGTERM if the instance ends before."""
    home = os.environ.get(HOME_VARIABLE)
    place = Path(home) / "logs" if home else folder
    place.mkdir(parents=True, exist_ok=True)
    with (place / f"{name}.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={**os.environ, **(variables or {})}, stdin=asyncio.subprocess.DEVNULL,
            stdout=output, stderr=output,
        )  # fmt: skip
        try:
            return await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _KILL_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
            raise
