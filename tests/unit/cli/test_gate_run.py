"""What `accept --run` leaves in the spec: what was there, unless a test is still under way."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from llmstrat_iac.cli.gate_run import only_the_gate
from llmstrat_iac.engine.results import Outputs, Snapshot
from llmstrat_iac.errors import LlmstratError

SPEC = "cluster: {runtime: ec2, nodes: 2}\n"


class Stack:
    """A deployment whose last `up` left such a job."""

    def __init__(self, **job: Any) -> None:
        self._job = job

    def snapshot(self) -> Snapshot | None:
        return Snapshot((), (), Outputs({"job": self._job}, frozenset())) if self._job else None


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def go(spec: Path, stack: Any, error: BaseException | None) -> str:
    """Test the cluster of a stack; what was said."""
    out = Console(file=io.StringIO(), width=200)
    with suppress(LlmstratError, KeyboardInterrupt), only_the_gate(spec, stack, out):
        assert "acceptance: only" in spec.read_text()
        if error is not None:
            raise error
    return out.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [None, LlmstratError("the job has failed")])
def test_the_spec_is_put_back_when_the_test_is_over(spec: Path, error: BaseException | None) -> None:
    assert go(spec, Stack(identity="gate0123abcd", settled=True), error) == ""
    assert spec.read_text() == SPEC


@pytest.mark.parametrize("stack", [Stack(), Stack(identity="0123456789ab", settled=False)])
def test_the_spec_is_put_back_when_no_test_has_begun(spec: Path, stack: Stack) -> None:
    assert go(spec, stack, LlmstratError("the plan has 1 error")) == ""
    assert spec.read_text() == SPEC


def test_an_interrupted_test_goes_on_and_the_spec_says_so(spec: Path) -> None:
    """Else the next `up` would put the training in its place."""
    said = go(spec, Stack(identity="gate0123abcd", settled=False), KeyboardInterrupt())
    assert "`accept --run` waits for its end" in said
    assert "acceptance: only" in spec.read_text()
