"""Fixtures over the real engine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine_kit import Bench, make_bench

from llmstrat_iac.engine.locate import PulumiCli, find_cli


@pytest.fixture(scope="session")
def cli() -> PulumiCli:
    return find_cli(os.environ)


@pytest.fixture
def bench(cli: PulumiCli, tmp_path: Path) -> Bench:
    return make_bench(cli, tmp_path)
