"""A job in a folder that plays S3, and nodes that run the real launcher on it, each in a network of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from network_kit import Host, Lan
from pretraining_kit import KEY, planned, resolve_pretraining

from llmstrat_iac.pretraining import ResolvedPretraining
from llmstrat_iac.pretraining.cluster_files import render_cluster_job

HERE = Path(__file__).parent
PYTHON = os.environ.get("LLMSTRAT_CLUSTER_PYTHON", "")
"""Set by `make test-cluster`."""
PATIENCE = 180


@dataclass
class Node:
    """A host, its own disk, and the launcher on it."""

    host: Host
    disk: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        path = self.disk / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.host.name} doesn't end:\n{self.log[-4000:]}") from None

    def terminate(self) -> None:
        """What systemd and Slurm send to the launcher."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGTERM)


@dataclass
class Cluster:
    """A job and its nodes."""

    root: Path
    lan: Lan
    shared: bool = False
    nodes: dict[str, Node] = field(default_factory=dict)

    @property
    def bucket(self) -> Path:
        return self.root / "bucket"

    def put_job(
        self, *, nodes: int, steps: int = 30, pause: float = 0.05, floor: float = 0.001, gate_only: bool = False
    ) -> None:
        """What the runtimes put into S3, but for the trainer: a tiny one, in which every number of nodes can train."""
        files = render_cluster_job(resolve_pretraining(planned("g6.xlarge", nodes)), KEY)
        job = json.loads(files["job.json"])
        job |= {
            "allowed_nodes": [*range(nodes, 0, -1)],
            "processes": 1,
            "steps": steps,
            "gate_only": gate_only,
            "tokenizer": None,
            "trainer": {"module": "tiny_trainer", "arguments": [str(steps), str(pause)]},
            "export": {"module": "tiny_export", "arguments": []},
            "gate": {**job["gate"], "nodes_gb_s": floor, "storage_gb_s": None},
        }
        self._put(files, job, "tiny_trainer", "tiny_export")

    def put_titan_job(self, *, steps: int, every: int) -> None:
        """A run of torchtitan's, as it is rendered, but for the device."""
        plan = replace(planned("g6.xlarge", 2, micro_batch=2), checkpoint_steps=every)
        sizes = {"batch_sequences": 4, "sequence_length": 128, "tokens": 4 * 128 * steps}
        learning = {"peak": 1e-2, "warmup_steps": 5}
        shape = {"vocab_size": 300}
        pretraining = resolve_pretraining(plan, shape=shape, compile=False, learning_rate=learning, **sizes)
        files = render_cluster_job(pretraining, KEY)
        job = json.loads(files["job.json"])
        assert job["allowed_nodes"] == [2, 1]
        job["tokenizer"]["source"] = (self.root / "tokenizer").as_uri()
        job["trainer"]["module"] = "titan_on_cpu"
        self._put(files, job, "titan_on_cpu")

    def put_trainer_job(self, pretraining: ResolvedPretraining) -> None:
        """A run as it is rendered, but for the tokenizer."""
        files = render_cluster_job(pretraining, KEY)
        self._put(files, json.loads(files["job.json"]) | {"tokenizer": None})

    def _put(self, files: dict[str, str], job: dict[str, Any], *modules: str) -> None:
        ours = {f"{name}.py": (HERE / f"{name}.py").read_text() for name in modules}
        write_files(self.root / "code", {**files, **ours, "job.json": json.dumps(job)})
        (self.root / "corpus").mkdir(exist_ok=True)

    def start(self, *names: str, **environ: str) -> list[Node]:
        """Nodes of these names; one that is there already is started again."""
        return [self._start(name, environ) for name in names]

    def _start(self, name: str, environ: Mapping[str, str]) -> Node:
        node = self.nodes.get(name) or Node(self.lan.add(name), self.root / "disks" / name)
        node.disk.mkdir(parents=True, exist_ok=True)
        self.nodes[name] = node
        variables = {
            "LLMSTRAT_JOB_URI": self.bucket.as_uri(),
            "LLMSTRAT_WORK": str(node.disk),
            "LLMSTRAT_CORPUS": str(self.root / "corpus"),
            "LLMSTRAT_HOST": name,
            "LLMSTRAT_ADDRESS": node.host.address,
            "LLMSTRAT_CPU": "1",
            "LLMSTRAT_POLL_SECONDS": "0.2",
            "LLMSTRAT_BEAT_SECONDS": "0.5",
            "LLMSTRAT_PATIENCE_SECONDS": "10",
            "LLMSTRAT_START_SECONDS": "60",
            "LLMSTRAT_SETTLE_SECONDS": "4",
            "LLMSTRAT_GATE_SECONDS": "90",
            "LLMSTRAT_ACCEPT_BYTES": str(8 * 2**20),
            **({"LLMSTRAT_SHARED": str(self.root / "lustre")} if self.shared else {}),
            **environ,
        }
        command = [PYTHON, str(self.root / "code" / "cluster_launch.py")]
        node.process = node.host.start(command, node.disk / "log.txt", **variables)
        return node

    def accept(self, *names: str) -> None:
        """Let these nodes have passed the acceptance gate before."""
        self.bucket.mkdir(parents=True, exist_ok=True)
        passed = {"passed": True, "generation": 0, "nodes": [{"host": name} for name in names]}
        (self.bucket / "gate.json").write_text(json.dumps(passed))

    def read(self, name: str) -> dict[str, Any]:
        """A JSON object of the bucket; empty if it isn't there."""
        path = self.bucket / name
        content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return content

    @property
    def status(self) -> dict[str, Any]:
        return self.read("status.json")

    def complete_steps(self) -> list[int]:
        """Steps of the checkpoints that are complete in S3."""
        found = self.bucket.glob("checkpoints/step-*/complete.json")
        return sorted(int(path.parent.name.split("-")[1]) for path in found)

    def generations(self) -> list[dict[str, Any]]:
        """All that were, with their members' hosts."""
        folder = self.bucket / "rendezvous" / "generations"
        names = sorted(path for path in folder.glob("*.json") if ".ended" not in path.name)
        return [json.loads(path.read_text()) for path in names]

    def hosts(self, generation: int) -> set[str]:
        return {member["host"] for member in self.generations()[generation]["members"]}

    def weights(self) -> dict[str, list[float]]:
        """The finished model."""
        return self.read("output/hf/weights.json")

    def logs(self) -> str:
        """What happened, for a failed test's message."""
        folder = self.bucket / "rendezvous" / "generations"
        ended = [path.read_text() for path in sorted(folder.glob("*.ended.json"))]
        return f"{self.status}\n{ended}\n" + "\n".join(
            f"--- {name}\n{node.log[-3000:]}" for name, node in self.nodes.items()
        )

    def wait_for(self, condition: Callable[[], Any]) -> None:
        """Poll until it is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"it takes too long\n{self.status}\n{self.logs()}"
            time.sleep(0.1)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Put them into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def undisturbed_weights(folder: Path, steps: int) -> dict[str, list[float]]:
    """What a run in one process, without launcher and losses, ends with."""
    environ = {
        **os.environ,
        "LLMSTRAT_CHECKPOINTS": str(folder),
        "LLMSTRAT_EVENTS": str(folder / "events.jsonl"),
        "LLMSTRAT_HOST": "alone",
        "OMP_NUM_THREADS": "1",
    }
    torchrun = [PYTHON, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1"]
    for command in (
        [*torchrun, str(HERE / "tiny_trainer.py"), str(steps), "0"],
        [PYTHON, str(HERE / "tiny_export.py"), str(folder / f"step-{steps}"), str(folder)],
    ):
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
    weights: dict[str, list[float]] = json.loads((folder / "weights.json").read_text())
    return weights
