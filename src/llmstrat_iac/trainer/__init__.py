"""What runs on the instance that trains: one launcher for EC2 and SageMaker, around the real `trl`.

An import root of its own, like the relay: the standard library (boto3 where S3 is asked for; torch, transformers and
trl in `trl_job` only) and nothing else of llmstrat_iac, since this folder is copied to the instance as `trainer/`.

How a runtime calls it. All of `render_job()`'s files lie in one folder, the dataset beside it; then, in a container or
environment that has torch (AWS's PyTorch image 2.13) and, for S3, boto3:

    exec python3 launch.py      # `exec`, so that SIGTERM reaches it

- SageMaker: channels `code`, `train` and, if there is one, `validation` (each with `<channel>.jsonl`),
  `CheckpointConfig` to /opt/ml/checkpoints, environment `LLMSTRAT_INSTALL=1`, `AWS_REGION` and, for a gated model,
  `LLMSTRAT_TOKEN_SECRET`; entry point `["/bin/bash", "-c"]`, argument `exec python3 /opt/ml/input/data/code/launch.py`.
  A model in S3 is the channel `model`. The result is in /opt/ml/model, the reason of a failure in
  /opt/ml/output/failure; how far it is, in /opt/ml/checkpoints/status.json, which SageMaker copies to S3.
- EC2: `LLMSTRAT_JOB_URI=s3://bucket/training/<key>`, `LLMSTRAT_WORK=/opt/llmstrat/job` with `code/` and `data/` in it
  (what is missing of `data/` is fetched), and `LLMSTRAT_INSTALL`, `AWS_REGION`, `LLMSTRAT_TOKEN_SECRET` as above;
  `LLMSTRAT_SPOT=1` on a spot instance. systemd: `KillMode=mixed`, `TimeoutStopSec=120`. It writes `status.json`,
  `checkpoints/` and `output/` below the URI; its log is standard output.

Exit codes: 0 completed, 1 failed for good, 75 interrupted: start it again, here or elsewhere, and it goes on from the
newest complete checkpoint. After 0 and 1 the instance is of no use any more. `places.py` lists every variable.
"""

from __future__ import annotations

PACKAGE = "trainer"
PACKAGE_FILES = (
    "__init__.py",
    "checkpoints.py",
    "launch.py",
    "logs.py",
    "places.py",
    "process.py",
    "progress.py",
    "result.py",
    "spot.py",
    "store.py",
    "trl_job.py",
)
REQUIREMENTS = "requirements.txt"
"""The trainer's packages, pinned and hashed, without torch and CUDA's, which the image has."""
ENTRY = "launch.py"
ENTRY_TEXT = '''"""Runs the training job that lies beside this file."""

import sys

from trainer.launch import main

sys.exit(main())
'''
EXIT_COMPLETED, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 75
