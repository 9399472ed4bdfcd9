#!/usr/bin/env bash
# Ends the job, for the reason given if it isn't over by itself, and then the cluster, which would bill on.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env
export PATH=$PATH:/opt/slurm/bin

scancel --quiet --name "${LLMSTRAT_JOB_URI##*/}" || true
status=$(aws s3 cp "$LLMSTRAT_JOB_URI/status.json" - 2>/dev/null || true)
settled=$(/opt/llmstrat/job_status.py settle "${1:-}" <<<"$status")
if [[ -n $settled ]]; then
  aws s3 cp --content-type application/json - "$LLMSTRAT_JOB_URI/status.json" <<<"$settled"
fi
/opt/llmstrat/say.sh "${1:-the job is over}"
if [[ $LLMSTRAT_DELETE == 1 ]]; then aws sagemaker delete-cluster --cluster-name "$LLMSTRAT_CLUSTER"; fi
