"""The sandbox's processes for its tests: started once for a test session, stopped at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandbox_kit import Clients, clients, process


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator with our additions."""
    with process("llmstrat_iac.sandbox.emulator", home=tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture(scope="session")
def plain_emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """ministack as upstream ships it."""
    with process("llmstrat_iac.sandbox.emulator", "--plain", home=tmp_path_factory.mktemp("plain")) as url:
        yield url


@pytest.fixture(scope="session")
def vendor_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local LLM vendor that answers deterministically."""
    with process("llmstrat_iac.sandbox.vendor", home=tmp_path_factory.mktemp("vendor")) as url:
        yield url


@pytest.fixture(scope="session")
def aws(emulator_url: str) -> Clients:
    """boto3 clients of the emulator with additions."""
    return clients(emulator_url)
