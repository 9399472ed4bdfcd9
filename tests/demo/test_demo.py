"""`make demo` tells a true story: it ends well only if every step did, and it never leaves its sandbox running."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo.sh"


def run_demo(*path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the demo with these folders first on PATH."""
    search = os.pathsep.join([*map(str, path), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": search, "LLM": "scripted", **variables}
    return subprocess.run([DEMO], env=environment, capture_output=True, text=True, timeout=900, check=False)


def test_the_whole_story(tmp_path: Path) -> None:
    run = run_demo(XDG_DATA_HOME=str(tmp_path))
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    for part in (
        "HTTP 401 invalid_api_key",
        "HTTP 400 model_not_allowed",
        "HTTP 429 insufficient_quota",
        "tokens in, ",
        "Nothing is left.",
        "That was the whole way.",
    ):
        assert part in run.stdout
    assert not [line for line in run.stdout.splitlines() if "sk-demo" in line]
    assert list(tmp_path.rglob("demo-gateway-dev-*.json"))


def test_a_step_that_fails_ends_the_story_and_the_sandbox(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    fake = tmp_path / "bin" / "llmstrat"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n[ "$1" != validate ]\n', encoding="utf-8")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    run = run_demo(fake.parent)
    assert run.returncode == 1
    assert "did not end as told" in run.stderr
    assert calls.read_text(encoding="utf-8").splitlines() == ["sandbox start", "validate gateway.yaml", "sandbox stop"]
