"""Fixtures over the real engine: a backend of its own for each test, and a folder that plays the cloud."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from llmstrat_iac.engine.backends import choose_backend
from llmstrat_iac.engine.locate import PulumiCli, find_cli
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


@pytest.fixture(scope="session")
def cli() -> PulumiCli:
    return find_cli(os.environ)


@pytest.fixture
def bench(cli: PulumiCli, tmp_path: Path) -> Bench:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    environment["PYTHONPATH"] = str(HERE)
    environment["PULUMI_HOME"] = str(tmp_path / "home")
    cloud = tmp_path / "cloud"
    cloud.mkdir()
    data = tmp_path / "data"
    return Bench(Engine(cli, choose_backend(environment, data_dir=data), environment), data, cloud)


@pytest.fixture
def hostname() -> str:
    return socket.gethostname()
