"""The script that a Slurm cluster (HyperPod's) is given: one launcher on each node, started again by auto-resume."""

from __future__ import annotations

import shlex

from llmstrat_iac.pretraining.contract import ResolvedPretraining

_SCRIPT = """#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --open-mode=append
#SBATCH --requeue
# Submitted as: sbatch --export=ALL,LLMSTRAT_JOB_URI=s3://bucket/pretraining/{key} job.sbatch
set -euo pipefail

: "${{LLMSTRAT_JOB_URI:?is the place of the job in S3}}"
export LLMSTRAT_CODE="${{LLMSTRAT_CODE:-$SLURM_SUBMIT_DIR}}"

options=()
# HyperPod replaces a failed node and starts the step again; srun has this option nowhere else.
if [[ -d /opt/sagemaker_cluster ]]; then
  options+=(--auto-resume=1)
fi

# 75: interrupted, and to be started again. `--requeue` alone does that only for failed nodes.
code=0
python=${{LLMSTRAT_PYTHON:-python3}}
srun "${{options[@]}}" --kill-on-bad-exit=0 --label "$python" "$LLMSTRAT_CODE/cluster_launch.py" || code=$?
if [[ $code -eq 75 ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""


def render_sbatch(pretraining: ResolvedPretraining, key: str) -> str:
    """`job.sbatch`; spare nodes aren't asked for, since HyperPod keeps its own."""
    name = shlex.quote(pretraining.job_name())
    return _SCRIPT.format(name=name, nodes=pretraining.plan.nodes, key=key)
