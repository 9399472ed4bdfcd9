"""`pause` and `resume` say in the spec whether the fleet rests, and leave everything else in it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmstrat_iac.errors import LlmstratError
from llmstrat_iac.operations.pausing import set_paused
from llmstrat_iac.planner.load import load_spec

SPEC = """\
apiVersion: llmstrat/v1
name: support
strategy: C   # our own model
owner: ml@example.com
region: us-east-1
data: {classification: restricted}
endpoint: {consumers: [{name: web, models: [support]}]}
model:
  alias: support
  id: Qwen/Qwen2.5-7B-Instruct
  revision: a09a35458c702b33eeacc393d103063234e8bc28
serving:
  runtime: ec2   # near the data
"""
CLOSED = """\
apiVersion: llmstrat/v1
name: support
strategy: A
owner: ml@example.com
region: us-east-1
data: {classification: internal}
limits: {ttl: 8h}
endpoint: {consumers: [{name: web, models: [chat]}]}
providers: [{name: bedrock, models: [{alias: chat, id: "amazon.nova-lite-v1:0"}]}]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def test_pause_and_resume_give_back_the_same_file(spec: Path) -> None:
    assert set_paused(spec, load_spec(spec), paused=True)
    resolved = load_spec(spec)
    assert resolved.open_model is not None
    assert resolved.open_model.serving is not None
    assert resolved.open_model.serving.block.paused
    assert "# near the data" in spec.read_text()
    assert set_paused(spec, resolved, paused=False)
    assert spec.read_text() == SPEC


def test_what_is_so_already_is_left_alone(spec: Path) -> None:
    assert not set_paused(spec, load_spec(spec), paused=False)
    assert spec.read_text() == SPEC


def test_a_closed_model_cant_be_paused(tmp_path: Path) -> None:
    path = tmp_path / "closed.yaml"
    path.write_text(CLOSED)
    with pytest.raises(LlmstratError, match="there is no fleet to pause"):
        set_paused(path, load_spec(path), paused=True)
