"""An instance without AWS: the real scripts in a folder of the test's, and programs that write down their calls.

The scripts' absolute paths are moved below the folder; that is all that is changed of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

FLEET = {
    "AWS_REGION": "us-east-1",
    "LLMSTRAT_CACHE": "/tmp/cache",
    "LLMSTRAT_GROUP": "group",
    "LLMSTRAT_IMAGE": "image:1",
    "LLMSTRAT_LOG_GROUP": "/llmstrat/s/fleet",
    "LLMSTRAT_PORT": "8000",
    "LLMSTRAT_TOKEN_SECRET": "hf-token",
}
JOB = {
    "AWS_REGION": "us-east-1",
    "LLMSTRAT_CACHE": "/tmp/cache",
    "LLMSTRAT_GROUP": "",
    "LLMSTRAT_IMAGE": "image:1",
    "LLMSTRAT_JOB_URI": "s3://b/training/k-1",
    "LLMSTRAT_LOG_GROUP": "/llmstrat/s/training",
    "LLMSTRAT_MAX_SECONDS": "14400",
    "LLMSTRAT_SPOT": "0",
    "LLMSTRAT_TOKEN_SECRET": "",
}
NODE = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "LLMSTRAT_CACHE": "/tmp/cache",
    "LLMSTRAT_CORPUS": "/fsx/corpus",
    "LLMSTRAT_EFA": "1",
    "LLMSTRAT_FILE_SYSTEM": "fs-1.fsx.us-east-1.amazonaws.com@tcp:/abcdef",
    "LLMSTRAT_GROUP": "group",
    "LLMSTRAT_IDLE_SECONDS": "3600",
    "LLMSTRAT_IMAGE": "image:1",
    "LLMSTRAT_JOB_URI": "s3://b/pretraining/k-1",
    "LLMSTRAT_LOG_GROUP": "/llmstrat/s/cluster",
    "LLMSTRAT_MAX_SECONDS": "14400",
    "LLMSTRAT_NODES": "4",
    "LLMSTRAT_SHARED": "/fsx",
    "LLMSTRAT_SPOT": "0",
    "LLMSTRAT_TOKEN_SECRET": "",
}
"""What the user data says of a fleet's instance, of one that trains, and of a cluster's node."""

_PLACES = (
    "/etc/llmstrat",
    "/opt/llmstrat",
    "/run/llmstrat",
    "/var/lib",
    "/var/log",
    "/etc/systemd",
    "/opt/dlami",
    "/fsx",
    "/etc/apt/sources.list.d",
    "/usr/share/keyrings",
)
_FAKE = """#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
root = Path(os.environ["FAKE_ROOT"])
name, words = Path(sys.argv[0]).name, sys.argv[1:]
piped = name == "aws" and words[:2] == ["s3", "cp"] and "-" in words[:-1] and words[-1].startswith("s3://")
text = sys.stdin.read() if piped else ""
with (root / "calls.jsonl").open("a") as file:
    file.write(json.dumps([name, *words]) + "\\n")
if piped:
    (root / "written.json").write_text(text)
answers = json.loads((root / "answers.json").read_text())
line = " ".join([name, *words])
for start, (status, answer) in answers.items():
    if line.startswith(start):
        print(answer)
        sys.exit(status)
"""
_PROGRAMS = (
    *("aws", "docker", "systemctl", "shutdown", "journalctl", "curl"),
    *("mountpoint", "mdadm", "mkfs.xfs", "mount", "modprobe"),
    *("apt-get", "gpg", "lsb_release"),
)


@dataclass
class Instance:
    """A folder that is an instance's disk."""

    root: Path
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Beginning of a command line to exit status and output; all else succeeds in silence."""

    def __post_init__(self) -> None:
        for place in (*_PLACES, "/bin"):
            (self.root / place.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for program in _PROGRAMS:
            self._program(self.root / "bin" / program, _FAKE)
        for script in files("llmstrat_iac.components.ec2").joinpath("scripts").iterdir():
            text = script.read_text(encoding="utf-8")
            for place in _PLACES:
                text = re.sub(rf"{place}(?![\w-])", f"{self.root}{place}", text)
            self._program(self.root / "opt" / "llmstrat" / script.name, text)

    def environment(self, **variables: str) -> None:
        """What the user data writes to /etc/llmstrat/env."""
        lines = "".join(f"export {name}='{value}'\n" for name, value in variables.items())
        (self.root / "etc" / "llmstrat" / "env").write_text(lines, encoding="utf-8")

    def metadata(self, **paths: str) -> None:
        """Answers of the metadata service, by the last part of their path."""
        cases = "".join(f"*{path.replace('_', '-')}) echo '{value}';;\n" for path, value in paths.items())
        text = f'#!/usr/bin/env bash\ncase "$1" in\n{cases}*) exit 22;;\nesac\n'
        self._program(self.root / "opt" / "llmstrat" / "imds.sh", text)

    def run(
        self, script: str, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one script to its end."""
        (self.root / "answers.json").write_text(json.dumps(self.answers), encoding="utf-8")
        environment = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "FAKE_ROOT": str(self.root),
            **(variables or {}),
        }
        return subprocess.run(
            [self.root / "opt" / "llmstrat" / script, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def calls(self, *beginning: str) -> list[list[str]]:
        """The calls that begin so, in order."""
        path = self.root / "calls.jsonl"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [call for call in calls if call[: len(beginning)] == list(beginning)]

    def written(self) -> dict[str, object]:
        """The JSON that was last put to S3."""
        document: dict[str, object] = json.loads((self.root / "written.json").read_text(encoding="utf-8"))
        return document

    @staticmethod
    def _program(path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
