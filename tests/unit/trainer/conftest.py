"""A trainer that only pretends."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher_kit import fake_python


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return fake_python(tmp_path)
