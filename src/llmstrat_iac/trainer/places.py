"""Where things are, by the environment: on SageMaker, on an EC2 instance, or, all overridden, anywhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Folders and files of one job on one machine."""

    code: Path
    train: Path
    validation: Path
    base: Path
    """Weights that come from S3: a channel on SageMaker, downloaded on EC2."""
    checkpoints: Path
    output: Path
    failure: Path | None
    """SageMaker's file for the reason of a failure."""
    scratch: Path
    job_uri: str | None
    """`s3://…` or `file://…` to which an EC2 job writes; None on SageMaker, which copies folders itself."""


@dataclass(frozen=True)
class Settings:
    """What else the environment says."""

    python: str
    """LLMSTRAT_TRAINER_PYTHON: the interpreter that has torch and trl; this one if unset."""
    install: bool
    """LLMSTRAT_INSTALL=1: install requirements.txt into it first."""
    cpu: bool
    """LLMSTRAT_CPU=1: for tests and the sandbox. One process, in 32 bits; only 4-bit bases stay as they are."""
    model: str | None
    """LLMSTRAT_MODEL: a folder with weights to take instead of the job's; the manifest still names the job's."""
    token_secret: str | None
    """LLMSTRAT_TOKEN_SECRET: name or ARN of the secret with the Hugging Face token."""
    spot: bool
    """LLMSTRAT_SPOT=1: ask the instance's metadata whether it is about to be reclaimed."""
    poll_seconds: float
    """LLMSTRAT_POLL_SECONDS: between two looks at the trainer."""
    stop_seconds: float
    """LLMSTRAT_STOP_SECONDS: how long a trainer that is told to stop may take to save; both clouds give 120."""


def find_places(environ: Mapping[str, str]) -> Places:
    """LLMSTRAT_JOB_URI and LLMSTRAT_WORK mean EC2; else SageMaker's layout below LLMSTRAT_ML_ROOT (/opt/ml)."""
    uri = environ.get("LLMSTRAT_JOB_URI")
    if uri is not None:
        work = Path(environ.get("LLMSTRAT_WORK", "/opt/llmstrat/job"))
        return Places(
            code=work / "code",
            train=work / "data" / "train.jsonl",
            validation=work / "data" / "validation.jsonl",
            base=work / "base",
            checkpoints=work / "checkpoints",
            output=work / "output",
            failure=None,
            scratch=work / "scratch",
            job_uri=uri.rstrip("/"),
        )
    root = Path(environ.get("LLMSTRAT_ML_ROOT", "/opt/ml"))
    channels = root / "input" / "data"
    return Places(
        code=channels / "code",
        train=channels / "train" / "train.jsonl",
        validation=channels / "validation" / "validation.jsonl",
        base=channels / "model",
        checkpoints=root / "checkpoints",
        output=root / "model",
        failure=root / "output" / "failure",
        # /tmp is on the instance's large volume, /opt/ml itself isn't.
        scratch=Path(environ.get("LLMSTRAT_WORK", "/tmp/llmstrat")),  # noqa: S108 - the container has one user
        job_uri=None,
    )


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings; what isn't set has the value that suits an instance."""
    return Settings(
        python=environ.get("LLMSTRAT_TRAINER_PYTHON", sys.executable),
        install=environ.get("LLMSTRAT_INSTALL") == "1",
        cpu=environ.get("LLMSTRAT_CPU") == "1",
        model=environ.get("LLMSTRAT_MODEL"),
        token_secret=environ.get("LLMSTRAT_TOKEN_SECRET"),
        spot=environ.get("LLMSTRAT_SPOT") == "1",
        poll_seconds=float(environ.get("LLMSTRAT_POLL_SECONDS", "5")),
        stop_seconds=float(environ.get("LLMSTRAT_STOP_SECONDS", "90")),
    )
