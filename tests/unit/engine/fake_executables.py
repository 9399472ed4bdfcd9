"""Executables that stand in for Pulumi."""

from __future__ import annotations

from pathlib import Path

from llmstrat_iac.engine.versions import ENGINE_VERSION


def fake_pulumi(folder: Path, version: str = f"v{ENGINE_VERSION}", *, body: str | None = None) -> Path:
    """An executable that answers `pulumi version`, and notes each call in `calls` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pulumi"
    path.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/calls"\n{body or f"echo {version}"}\n')
    path.chmod(0o755)
    return path
