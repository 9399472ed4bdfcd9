"""A node that the gate refuses, while others are to spare: one of them takes its place, and the run begins."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gate_kit import PATIENCE, Job, job_in
from pretraining_kit import planned, resolve_pretraining

# The second node of the first generation is bad. Training is to be begun, not done.
TORCHRUN = """#!{python}
import json, os, pathlib, sys, time
root = pathlib.Path({root!r})
words = " ".join(sys.argv[1:])
with (root / "ran").open("a") as file:
    file.write(os.environ["LLMSTRAT_HOST"] + " " + words + "\\n")
if "-train-" in words:
    time.sleep(600)
def seen(path):
    try:
        return json.loads(path.read_text())["beat"]
    except ValueError:
        return 0
alive = root / "bucket" / "rendezvous" / "hosts"
while "-gate-1 " in words and sum(seen(path) > 5 for path in alive.glob("*/*/*")) < {nodes}:
    time.sleep(0.05)
speed = 2.0 if "-gate-1 " in words else 400.0
nodes = [{{"node": each, "gpus": 0, "efa": 0, "node_gb_s": [400.0, speed][each]}} for each in (0, 1)]
measured = {{"all_reduce_gb_s": 400.0, "nodes": nodes, "links": []}}
pathlib.Path(os.environ["LLMSTRAT_RESULT"]).write_text(json.dumps(measured))
"""


def new_job(folder: Path, nodes: int) -> Job:
    job = job_in(folder, resolve_pretraining(planned(nodes=2), cluster={"storage": {"kind": "s3"}}))
    content = json.loads((folder / "code" / "job.json").read_text())
    content["tokenizer"]["source"], content["gate"]["node_gb_s"] = (folder / "tokenizer").as_uri(), 200.0
    content["corpus"]["source"] = (folder / "corpus").as_uri()
    for name in ("tokenizer", "corpus"):
        (folder / name).mkdir()
        (folder / name / "tokenizer.json").write_text("{}")
    (folder / "code" / "job.json").write_text(json.dumps(content))
    torchrun = folder / "python"
    torchrun.write_text(TORCHRUN.format(python=sys.executable, root=str(folder), nodes=nodes))
    torchrun.chmod(0o755)
    return job


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_spare_node_steps_in(tmp_path: Path) -> None:
    job = new_job(tmp_path, nodes=3)
    running = dict(zip(("node-1", "node-2", "node-3"), job.start("node-1", "node-2", "node-3"), strict=True))
    try:
        until(lambda: job.ran.count("-train-2 ") == 2)
        first = json.loads((tmp_path / "bucket/rendezvous/generations/00001.json").read_text())
        bad = first["members"][1]["host"]
        assert running[bad].wait(PATIENCE) == 76
        assert "its GPUs exchange 2 GB/s, less than 200" in (tmp_path / f"{bad}.txt").read_text()
        gate = job.read("gate.json")
        assert (gate["passed"], gate["generation"]) == (True, 2)
        assert {each["host"] for each in gate["nodes"]} == running.keys() - {bad}
        assert job.read("status.json")["state"] == "running"
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait(PATIENCE)


def test_without_a_spare_node_the_job_fails(tmp_path: Path) -> None:
    job = new_job(tmp_path, nodes=2)
    running = job.start("node-1", "node-2")
    try:
        assert [process.wait(PATIENCE) for process in running] == [1, 1]
    finally:
        for process in running:
            process.kill()
    assert job.read("gate.json")["replaced"] == []
    assert "its GPUs exchange 2 GB/s" in job.read("status.json")["failure"]
    assert "-train-" not in job.ran
