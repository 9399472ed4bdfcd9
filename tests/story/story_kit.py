"""Runs the real command line as a user would: another process, its own home, a sandbox of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai

LLMSTRAT = Path(sys.executable).with_name("llmstrat")
REPOSITORY = Path(__file__).parents[2]
REAL_LOOKING = {
    "AWS_ACCESS_KEY_ID": "AKIAREALLOOKINGKEY00",
    "AWS_SECRET_ACCESS_KEY": "real-looking-secret",
    "AWS_PROFILE": "production",
    "OPENAI_API_KEY": "sk-real-looking-openai-key",
}
"""What a user's shell may hold and the sandbox must never use."""

SPEC = """\
apiVersion: llmstrat/v1
name: story
strategy: A
owner: ml@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 8h, monthly_usd: 100}
endpoint:
  consumers:
    - {name: web, models: [chat, backup], requests_per_second: 50, tokens_per_month: 10_000_000}   # the shop
    - {name: trial, models: [chat], requests_per_second: 50, tokens_per_month: 250}
    - {name: slow, models: [chat], requests_per_second: 1, burst: 1}
  usage_log: {retention_days: 7}
providers:
  - name: openai
    credentials: {secret: "env:OPENAI_API_KEY"}
    models:
      - {alias: chat, id: gpt-5.2, fallbacks: [backup]}
      - {alias: hidden, id: gpt-5.2-pro}
  - name: bedrock
    models: [{alias: backup, id: "amazon.nova-lite-v1:0"}]
"""


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, f"exit code {self.code} and nothing on stdout:\n{self.err}"
        return json.loads(self.out)


@dataclass(frozen=True)
class User:
    """A user with a home of their own. `spec` is their file; commands run against their sandbox."""

    home: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    clients: list[openai.OpenAI] = field(default_factory=list)

    def close(self) -> None:
        """Close the connections of every client that was handed out."""
        for client in self.clients:
            client.close()

    @property
    def spec(self) -> Path:
        return self.home / "spec.yaml"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **REAL_LOOKING,
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "PULUMI_HOME": str(self.home / "pulumi"),
            "LLMSTRAT_SANDBOX_HOME": str(self.home / "sandbox"),
            **self.extra,
        }

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [str(LLMSTRAT), *map(str, arguments)],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path, timeout: float = 900) -> Result:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return Result(process.returncode, out, err)

    def ok(self, *arguments: str | Path) -> Result:
        """Run a command that must succeed."""
        result = self.run(*arguments)
        assert result.code == 0, f"{arguments}\n{result.out}\n{result.err}"
        return result

    def sandboxed(self, command: str, *arguments: str | Path) -> Result:
        """Run a command on the spec in the sandbox; it must succeed."""
        return self.ok(command, self.spec, *arguments, "--sandbox")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs with the keys."""
        outputs: dict[str, Any] = self.sandboxed("outputs", "--json", "--show-secrets").json
        return outputs

    def client(self, consumer: str = "web", *, key: str | None = None) -> openai.OpenAI:
        """The official SDK as an application would set it up; it doesn't retry by itself."""
        outputs = self.outputs()
        client = openai.OpenAI(base_url=outputs["base_url"], api_key=key or outputs["keys"][consumer], max_retries=0)
        self.clients.append(client)
        return client
