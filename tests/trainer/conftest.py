"""The tiny model, made once, and machines to train it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from trainer_kit import PYTHON, Machine, run_trainer_python

from llmstrat_iac.sandbox.emulator.compute import tiny_llama


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert PYTHON, "run `make test-trainer`: it makes the trainer's environment"
    folder = tmp_path_factory.mktemp("tiny-model")
    run_trainer_python(tiny_llama.__file__, str(folder))
    return folder


@pytest.fixture
def sagemaker(tiny_model: Path, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "ml", tiny_model)


@pytest.fixture
def ec2(tiny_model: Path, tmp_path: Path) -> Callable[[str], Machine]:
    """Instances that share what lies in S3."""
    return lambda name: Machine(tmp_path / name, tiny_model, bucket=tmp_path / "bucket")
