"""Running a program on the real Pulumi engine with the local provider attached, and what each resource went through."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmstrat_iac.engine.backends import choose_backend
from llmstrat_iac.engine.events import STACK_TYPE, EngineEvent, Op, ResourceDone
from llmstrat_iac.engine.locate import PulumiCli
from llmstrat_iac.engine.stack import Engine
from llmstrat_iac.engine.stack import Stack as EngineStack
from llmstrat_iac.sandbox.environment import without_real_accounts

Program = Callable[[], None]
# pulumi_aws warns of its own deprecated modules when one of a service's is imported.
QUIET = pytest.mark.filterwarnings("ignore:.*has been deprecated in favor of:DeprecationWarning")


@dataclass
class Outcome:
    """Operations by resource name, and the stack's outputs."""

    steps: dict[str, list[Op]] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def note(self, event: EngineEvent) -> None:
        if isinstance(event, ResourceDone) and event.type != STACK_TYPE:
            self.steps.setdefault(event.name, []).append(event.op)

    @property
    def changed(self) -> dict[str, list[Op]]:
        """What wasn't left as it is."""
        return {name: steps for name, steps in self.steps.items() if set(steps) - {Op.SAME, Op.READ, Op.REFRESH}}


@dataclass(frozen=True)
class Stack:
    """One stack; every operation returns its outcome."""

    engine: Engine
    name: str

    def _of(self, program: Program) -> EngineStack:
        return self.engine.stack("fidelity", self.name, program)

    def up(self, program: Program) -> Outcome:
        outcome = Outcome()
        outcome.outputs = dict(self._of(program).up(outcome.note).outputs)
        return outcome

    def preview(self, program: Program) -> Outcome:
        outcome = Outcome()
        self._of(program).preview(outcome.note)
        return outcome

    def refresh(self) -> dict[str, list[str]]:
        """What a refresh changed: resource name -> output properties; `deleted` when it's gone."""
        before, outcome = self.state(), Outcome()
        self.engine.stack("fidelity", self.name).refresh(outcome.note)
        after = self.state()
        return {name: _changed(before[name], after.get(name)) for name in outcome.changed}

    def destroy(self) -> None:
        self.engine.stack("fidelity", self.name).destroy()

    def state(self) -> dict[str, dict[str, Any]]:
        """Every resource in state, by name; secrets as they are stored."""
        folder = self.engine.backend.workspaces / "fidelity"
        exported = self.engine.run(["stack", "export", "--stack", self.name], cwd=folder)
        assert exported.code == 0, exported.stderr
        resources = json.loads(exported.stdout)["deployment"]["resources"]
        return {item["urn"].rpartition("::")[2]: item for item in resources}


def _changed(before: dict[str, Any], after: dict[str, Any] | None) -> list[str]:
    if after is None:
        return ["deleted"]
    old, new = before["outputs"], after["outputs"]
    return sorted(name for name in {**old, **new} if old.get(name) != new.get(name))


@dataclass(frozen=True)
class Bench:
    """Stacks of one test, with a backend of their own."""

    cli: PulumiCli
    port: int
    folder: Path

    def stack(self, name: str = "test", variables: Mapping[str, str] | None = None) -> Stack:
        environment = {
            **without_real_accounts(os.environ),
            **(variables or {}),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.port}",
        }
        backend = choose_backend(environment, data_dir=self.folder)
        return Stack(Engine(self.cli, backend, environment), name)
