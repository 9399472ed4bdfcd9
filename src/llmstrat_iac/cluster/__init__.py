"""What runs on every node of a training cluster: one launcher for SageMaker, EC2 and Slurm, around torchrun.

An import root of its own, like `trainer`, of which it uses what both need (store, log, child process): the standard
library (boto3 where S3 is asked for; torch in the modules that torchrun starts) and nothing else of llmstrat_iac, since
both folders are copied to the nodes as `llmstrat_job/`. What it trains with, `job.json` says (`pretraining.trainer`).

How a runtime calls it. All of `render_cluster_job()`'s files lie in one folder on each node; then, in an environment
into which packages can be installed, with Python 3.11 or newer and boto3 (AWS's PyTorch image, or its AMI):

    exec python3 cluster_launch.py      # `exec`, so that SIGTERM reaches it

with `LLMSTRAT_JOB_URI=s3://bucket/pretraining/<key>` and `LLMSTRAT_INSTALL=1` on every runtime, and the variables of
`places.py`. The nodes find each other by objects below that URI (`rendezvous.py`). It writes `status.json`,
`gate.json`, `checkpoints/` and `output/hf/` there; its log is standard output.

Exit codes: 0 completed, 1 failed for good, 75 interrupted: start it again, here or elsewhere, and it goes on from the
newest complete checkpoint; 76 refused: the gate has found this node bad, and a spare one takes its place. After 0 and
1 the nodes are of no use any more.
"""

from __future__ import annotations

PACKAGE = "llmstrat_job"
"""Name of the folder on the nodes that holds this package and `trainer`."""
FILES = (
    "__init__.py",
    "accept.py",
    "assets.py",
    "bandwidth.py",
    "checkpoints.py",
    "earlier.py",
    "events.py",
    "facts.py",
    "finish.py",
    "gate.py",
    "generation.py",
    "identity.py",
    "launch.py",
    "layout.py",
    "node.py",
    "part.py",
    "places.py",
    "progress.py",
    "rendezvous.py",
    "torchrun.py",
)
TRAINER_FILES = ("__init__.py", "checkpoints.py", "logs.py", "process.py", "progress.py", "spot.py", "store.py")
"""What is used of `trainer`."""
REQUIREMENTS = "requirements.txt"
"""The trainer's packages, pinned and hashed; not there if it takes those of the image."""
ENTRY = "cluster_launch.py"
ENTRY_TEXT = '''"""Runs this node's part of the training job that lies beside this file."""

import sys

from llmstrat_job.cluster.launch import main

sys.exit(main())
'''
EXIT_COMPLETED, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_REFUSED = 0, 1, 75, 76
