"""`validate` and `plan` need no engine, no AWS SDK, no network and no credentials: proved in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "closed-api" / "several-providers.yaml"
TUNED = Path(__file__).parents[3] / "examples" / "closed-api-tuned" / "bedrock" / "spec.yaml"
OPEN = Path(__file__).parents[3] / "examples" / "open-model" / "llama-2-7b-qlora" / "spec.yaml"
SCRATCH = Path(__file__).parents[3] / "examples" / "from-scratch" / "llama-1b-two-nodes" / "spec.yaml"
PROGRAM = """
import socket, sys

def refuse(*_args, **_keywords):
    raise AssertionError("the network was asked")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from llmstrat_iac.cli import main
code = main(sys.argv[2:])
loaded = [name for name in sys.argv[1].split(",") if name in sys.modules]
assert code == 0, code
assert not loaded, loaded
"""


def run(command: list[str], *forbidden: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(forbidden), *command],
        env={"PATH": "", "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "forbidden"),
    [
        (["--help"], ("pulumi", "boto3", "rich", "pydantic", "ruamel.yaml", "pluggy")),
        (["validate", str(EXAMPLE)], ("pulumi", "boto3", "botocore", "rich", "difflib", "llmstrat_iac.spec.messages")),
        (["plan", str(EXAMPLE)], ("pulumi", "boto3", "botocore", "urllib3")),
        (["plan", str(EXAMPLE), "--json"], ("pulumi", "boto3", "botocore", "rich")),
        (["validate", str(TUNED)], ("pulumi", "boto3", "botocore", "rich", "difflib", "msgspec", "toktok")),
        (["plan", str(TUNED)], ("pulumi", "boto3", "botocore", "urllib3")),
        (["validate", str(OPEN)], ("pulumi", "boto3", "botocore", "rich", "msgspec", "toktok")),
        (["plan", str(OPEN)], ("pulumi", "boto3", "botocore", "urllib3", "sagemaker")),
        (["validate", str(SCRATCH)], ("pulumi", "boto3", "botocore", "rich", "torch")),
        (["plan", str(SCRATCH)], ("pulumi", "boto3", "botocore", "urllib3", "sagemaker", "torch")),
        (["schema"], ("pulumi", "boto3", "rich")),
        (["strategies"], ("pulumi", "boto3")),
        (["models"], ("pulumi", "boto3")),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_planning_loads_nothing_heavy_and_asks_nobody(command: list[str], forbidden: tuple[str, ...]) -> None:
    result = run(command, *forbidden)
    assert result.returncode == 0, result.stderr
