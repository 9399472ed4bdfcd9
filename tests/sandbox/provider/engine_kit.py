"""Running a program on the real Pulumi engine with the local provider attached, and what each resource went through."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from semver import VersionInfo

from llmstrat_iac.engine.locate import find_cli

from llmstrat_iac.sandbox.environment import NO_WAY_OUT, process_variables

Steps = dict[str, list[str]]


@contextmanager
def script(path: Path, home: Path) -> Iterator[str]:
    """Run a script that serves and tells its port as its first line; yields its URL."""
    (home / "empty").touch()
    environment = process_variables(os.environ, "http://127.0.0.1:9", home, NO_WAY_OUT)
    with (home / "log").open("w") as log:
        running = subprocess.Popen(
            [sys.executable, str(path), "--port", "0"], stdout=subprocess.PIPE, stderr=log, env=environment
        )
    assert running.stdout is not None
    try:
        first = running.stdout.readline()
        assert first, (home / "log").read_text()
        yield f"http://127.0.0.1:{json.loads(first)['port']}"
    finally:
        running.terminate()
        running.wait(10)
        running.stdout.close()


@dataclass
class Outcome:
    """Operations by resource name, and the stack's outputs."""

    steps: Steps = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    log: str = ""

    def note(self, event: auto.EngineEvent) -> None:
        step = event.resource_pre_event
        if step:
            name = step.metadata.urn.rpartition("::")[2]
            self.steps.setdefault(name, []).append(str(step.metadata.op.value))

    @property
    def changed(self) -> Steps:
        """What wasn't left as it is."""
        return {name: steps for name, steps in self.steps.items() if set(steps) - {"same", "read"}}


@dataclass
class Stack:
    """One stack; every operation returns its outcome."""

    inner: auto.Stack

    def up(self, program: Callable[[], None], **options: Any) -> Outcome:
        outcome = Outcome()
        result = self.inner.up(program=program, on_event=outcome.note, color="never", **options)
        outcome.outputs = {name: value.value for name, value in result.outputs.items()}
        outcome.log = result.stdout
        return outcome

    def preview(self, program: Callable[[], None]) -> Outcome:
        outcome = Outcome()
        result = self.inner.preview(program=program, on_event=outcome.note, color="never")
        outcome.log = result.stdout
        return outcome

    def refresh(self) -> dict[str, list[str]]:
        """What a refresh changed: resource name -> paths (`deleted` when it's gone)."""
        drift: dict[str, list[str]] = {}

        def note(event: auto.EngineEvent) -> None:
            step = event.res_outputs_event
            if step and step.metadata.op.value not in ("same", "refresh"):
                paths = sorted(step.metadata.detailed_diff or step.metadata.diffs or {})
                name = step.metadata.urn.rpartition("::")[2]
                drift[name] = ["deleted"] if step.metadata.op.value == "delete" else paths

        self.inner.refresh(color="never", on_event=note)
        return drift

    def destroy(self) -> None:
        self.inner.destroy(color="never")

    def state(self) -> dict[str, dict[str, Any]]:
        """Every resource in state, by name."""
        resources = self.inner.export_stack().deployment["resources"]
        return {item["urn"].rpartition("::")[2]: item for item in resources}


@dataclass
class Bench:
    """Stacks of one test; `passphrase` is new for each."""

    port: int
    folder: Path
    passphrase: str = field(default_factory=lambda: secrets.token_hex(8))

    def environment(self) -> dict[str, str]:
        cli = find_cli(os.environ)
        for name in ("home", "state"):
            (self.folder / name).mkdir(exist_ok=True)
        return {
            "PATH": f"{cli.path.parent}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": self.passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.port}",
        }

    def stack(self, program: Callable[[], None], name: str = "test") -> Stack:
        cli = find_cli(os.environ)
        command = auto.PulumiCommand(str(cli.path.parent.parent), version=VersionInfo(3, 259, 0))
        options = auto.LocalWorkspaceOptions(
            work_dir=str(self.folder),
            env_vars=self.environment(),
            pulumi_command=command,
            project_settings=auto.ProjectSettings(name="fidelity", runtime="python"),
        )
        return Stack(auto.create_or_select_stack(name, "fidelity", program, opts=options))
