"""The sandbox's processes for its tests: started once for a test session, stopped at its end."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_kit import Clients, clients, process

from llmstrat_iac.sandbox.jobs import CLOCK_VARIABLE, SECONDS_VARIABLE
from llmstrat_iac.sandbox.session import Sandbox, SandboxSession

# Tuning jobs in a quarter of their usual time.
os.environ.setdefault(SECONDS_VARIABLE, "0.5")
# This process's own, for `sandbox_kit.standing_time`.
os.environ[CLOCK_VARIABLE] = str(Path(tempfile.gettempdir()) / f"llmstrat-clock-{os.getpid()}")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxSession]:
    """A whole sandbox: emulator with our additions, LLM vendor and aws provider."""
    session = Sandbox.start(tmp_path_factory.mktemp("sandbox"))
    yield session
    session.stop()


@pytest.fixture(scope="session")
def emulator_url(sandbox: SandboxSession) -> str:
    """The sandbox's AWS endpoint."""
    return sandbox.addresses.emulator_url


@pytest.fixture(scope="session")
def vendor_url(sandbox: SandboxSession) -> str:
    """The root of the sandbox's LLM vendor."""
    return sandbox.addresses.vendor_url


@pytest.fixture(scope="session")
def plain_emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """ministack as upstream ships it."""
    with process("llmstrat_iac.sandbox.emulator", "--plain", home=tmp_path_factory.mktemp("plain")) as url:
        yield url


@pytest.fixture(scope="session")
def aws(emulator_url: str) -> Clients:
    """boto3 clients of the sandbox."""
    return clients(emulator_url)
