"""A provider process over the session's emulator, and stacks that run on the real engine against it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from provider_kit import Bench
from sandbox_kit import Clients, clients, process

from llmstrat_iac.engine.locate import find_cli


@pytest.fixture(scope="session")
def provider_port(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A running provider."""
    home = tmp_path_factory.mktemp("provider")
    with process("llmstrat_iac.sandbox.provider", home=home, endpoint=emulator_url) as url:
        yield int(url.rpartition(":")[2])


@pytest.fixture
def bench(provider_port: int, tmp_path: Path) -> Bench:
    """Makes stacks with a backend of their own."""
    return Bench(find_cli(os.environ), provider_port, tmp_path)


@pytest.fixture(scope="session")
def cloud(emulator_url: str) -> Callable[[str], object]:
    """Memoised boto3 clients of the emulator: the tests' own eyes, independent of the provider."""
    make: Clients = clients(emulator_url)
    made: dict[str, object] = {}
    return lambda service: made.setdefault(service, make(service))
