"""A HyperPod node without AWS: the runtime's real scripts in a folder of the test's, and programs of its own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from instance_kit import Instance

URI = "s3://b/pretraining/k-1"
NODE = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "LLMSTRAT_CLUSTER": "tiny-dev-hyperpod-k-1",
    "LLMSTRAT_CORPUS": "",
    "LLMSTRAT_DELETE": "1",
    "LLMSTRAT_EFA": "1",
    "LLMSTRAT_IDLE_SECONDS": "7200",
    "LLMSTRAT_IMAGE": "image:1",
    "LLMSTRAT_INSTALL": "1",
    "LLMSTRAT_JOB_URI": URI,
    "LLMSTRAT_LOG_GROUP": "/llmstrat/tiny-dev/cluster",
    "LLMSTRAT_LOOK_SECONDS": "0",
    "LLMSTRAT_MAX_SECONDS": "86400",
    "LLMSTRAT_NODES": "2",
    "LLMSTRAT_PARTITION": "train",
    "LLMSTRAT_PYTHON": "/opt/llmstrat/python.sh",
    "LLMSTRAT_SHARED": "",
    "LLMSTRAT_TOKEN_SECRET": "",
}
_SLURM = ("sinfo", "squeue", "sbatch", "scancel", "scontrol", "getent", "sleep")
_PLACES = ("/etc/llmstrat", "/opt/llmstrat", "/var/lib", "/var/log", "/etc/systemd")


class Node(Instance):
    """A folder that is a node's disk; `scripts` is where HyperPod has put the lifecycle's files."""

    def __post_init__(self) -> None:
        super().__post_init__()
        (self.root / "scripts").mkdir()
        for program in _SLURM:
            self._program(self.root / "bin" / program, (self.root / "bin" / "aws").read_text(encoding="utf-8"))
        for script in files("llmstrat_iac.components.hyperpod").joinpath("scripts").iterdir():
            text = script.read_text(encoding="utf-8")
            for place in _PLACES:
                text = text.replace(place, f"{self.root}{place}")
            for folder in ("scripts", "opt/llmstrat"):
                self._program(self.root / folder / script.name, text)
        self.environment(**NODE | {"LLMSTRAT_CACHE": str(self.root / "cache")})

    def successive(self, program: str, *answers: str) -> None:
        """A program that gives these answers one after the other, and then the last one again."""
        for number, answer in enumerate(answers):
            (self.root / f"{program}-{number}").write_text(answer, encoding="utf-8")
        text = (
            "#!/usr/bin/env bash\n"
            f'count=$(cat "{self.root}/{program}-count" 2>/dev/null || echo 0)\n'
            f'echo $((count + 1)) >"{self.root}/{program}-count"\n'
            f"if ((count > {len(answers) - 1})); then count={len(answers) - 1}; fi\n"
            f'cat "{self.root}/{program}-$count"\n'
        )
        self._program(self.root / "bin" / program, text)

    def ran(self, program: str) -> int:
        """How often such a program was run."""
        path: Path = self.root / f"{program}-count"
        return int(path.read_text()) if path.exists() else 0
