"""Where things are on a node, and how it is to behave, by the environment: every variable is listed here.

One that is empty counts as unset.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Folders and files of one job on one node."""

    code: Path
    """The folder of `cluster_launch.py`, with `job.json`."""
    job_uri: str
    """LLMSTRAT_JOB_URI: `s3://bucket/pretraining/<key>`, or `file://…` where somebody tries one out."""
    scratch: Path
    """LLMSTRAT_WORK: this node's own disk, the largest it has."""
    checkpoints: Path
    shared: bool
    """LLMSTRAT_SHARED: a folder of a file system that all nodes have mounted; checkpoints go there, below the model's
    identity, so that another attempt finds them. Unset: each node keeps its part on its own disk, all meet in S3."""
    corpus: Path | None
    """LLMSTRAT_CORPUS: a folder with the corpus, from Lustre or a channel. None: it is copied from S3 at the start."""
    tokenizer: Path
    failure: Path | None
    """SageMaker's file for the reason of a failure."""


@dataclass(frozen=True)
class Settings:
    """What else the environment says. Times are seconds."""

    python: str
    """LLMSTRAT_TRAINER_PYTHON: the interpreter that has torch; this one if unset."""
    install: bool
    """LLMSTRAT_INSTALL=1: install requirements.txt, 3 GB with torch and CUDA, into it first."""
    cpu: bool
    """LLMSTRAT_CPU=1: for tests. gloo instead of NCCL, no GPUs and no EFA expected."""
    token_secret: str | None
    """LLMSTRAT_TOKEN_SECRET: name or ARN of the secret with the Hugging Face token, for a gated tokenizer."""
    spot: bool
    """LLMSTRAT_SPOT=1: ask the instance's metadata whether it is about to be reclaimed."""
    port: int
    """LLMSTRAT_PORT: the first of those on which a generation's first host listens."""
    poll: float
    """LLMSTRAT_POLL_SECONDS: between two looks at the trainer."""
    beat: float
    """LLMSTRAT_BEAT_SECONDS: between two signs of life, and two looks at those of others."""
    patience: float
    """LLMSTRAT_PATIENCE_SECONDS: without a sign of life, a node is lost."""
    start: float
    """LLMSTRAT_START_SECONDS: how long the first nodes wait for the planned number."""
    settle: float
    """LLMSTRAT_SETTLE_SECONDS: how long, after a loss, they wait for a replacement before they go on with fewer."""
    stop: float
    """LLMSTRAT_STOP_SECONDS: how long a trainer that is told to stop may take to save; AWS gives 120."""
    idle: float | None
    """LLMSTRAT_IDLE_SECONDS: without a step, the job has failed; as in `job.json` if unset."""
    gate: float
    """LLMSTRAT_GATE_SECONDS: the longest that the acceptance gate may take."""


def find_places(environ: Mapping[str, str], key: str) -> Places:
    """The places; the code is where this file is."""
    ml = Path(environ.get("LLMSTRAT_ML_ROOT", "/opt/ml"))
    sagemaker = (ml / "input" / "config" / "resourceconfig.json").exists()
    # On SageMaker /tmp is on the instance's large volume, /opt/ml itself isn't.
    default = "/tmp/llmstrat" if sagemaker else "/opt/llmstrat/job"  # noqa: S108 - the container has one user
    work = Path(environ.get("LLMSTRAT_WORK", default))
    shared = environ.get("LLMSTRAT_SHARED")
    corpus = environ.get("LLMSTRAT_CORPUS")
    return Places(
        code=code_folder(),
        job_uri=environ["LLMSTRAT_JOB_URI"].rstrip("/"),
        scratch=work / "scratch",
        checkpoints=(Path(shared) / key.partition("-")[0] if shared else work) / "checkpoints",
        shared=bool(shared),
        corpus=Path(corpus) if corpus else None,
        tokenizer=work / "tokenizer",
        failure=ml / "output" / "failure" if sagemaker else None,
    )


def code_folder() -> Path:
    """Where the job's files are: this one is in `llmstrat_job/cluster/` there."""
    return Path(__file__).resolve().parents[2]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings; what isn't set has the value that suits a cluster."""
    idle = environ.get("LLMSTRAT_IDLE_SECONDS")
    return Settings(
        python=environ.get("LLMSTRAT_TRAINER_PYTHON", sys.executable),
        install=environ.get("LLMSTRAT_INSTALL") == "1",
        cpu=environ.get("LLMSTRAT_CPU") == "1",
        token_secret=environ.get("LLMSTRAT_TOKEN_SECRET") or None,
        spot=environ.get("LLMSTRAT_SPOT") == "1",
        port=int(environ.get("LLMSTRAT_PORT", "29500")),
        poll=float(environ.get("LLMSTRAT_POLL_SECONDS", "5")),
        beat=float(environ.get("LLMSTRAT_BEAT_SECONDS", "10")),
        patience=float(environ.get("LLMSTRAT_PATIENCE_SECONDS", "60")),
        start=float(environ.get("LLMSTRAT_START_SECONDS", "1800")),
        settle=float(environ.get("LLMSTRAT_SETTLE_SECONDS", "600")),
        stop=float(environ.get("LLMSTRAT_STOP_SECONDS", "90")),
        idle=float(idle) if idle else None,
        gate=float(environ.get("LLMSTRAT_GATE_SECONDS", "900")),
    )
