"""What the engine tests share: an engine with a backend of its own, and a folder that plays the cloud."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from llmstrat_iac.engine.backends import choose_backend
from llmstrat_iac.engine.locate import PulumiCli
from llmstrat_iac.engine.stack import Engine, Stack

HERE = Path(__file__).parent
_OURS = ("PULUMI_", "LLMSTRAT_", "AWS_")


@dataclass(frozen=True)
class Bench:
    """One test's engine, its data folder and its cloud."""

    engine: Engine
    data: Path
    cloud: Path

    def stack(self, program: Callable[[], None], *, name: str = "dev") -> Stack:
        return self.engine.stack("proj", name, program)

    def things(self) -> set[str]:
        return {file.name for file in self.cloud.iterdir() if file.suffix != ".begun"}

    def with_environment(self, **variables: str) -> Bench:
        environment = {**self.engine.environment, **variables}
        backend = choose_backend(environment, data_dir=self.data)
        return replace(self, engine=Engine(self.engine.cli, backend, environment))


def make_bench(cli: PulumiCli, folder: Path) -> Bench:
    """A bench of its own: none of the developer's Pulumi, AWS or toolkit settings reach it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    environment["PYTHONPATH"] = str(HERE)
    environment["PULUMI_HOME"] = str(folder / "home")
    cloud = folder / "cloud"
    cloud.mkdir()
    data = folder / "data"
    return Bench(Engine(cli, choose_backend(environment, data_dir=data), environment), data, cloud)
