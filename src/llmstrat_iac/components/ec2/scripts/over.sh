#!/usr/bin/env bash
# Stops all nodes if the job is over, or because it must not go on for the reason given. Fails if it goes on.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

status=$(aws s3 cp "$LLMSTRAT_JOB_URI/status.json" - 2>/dev/null || true)
settled=$(/opt/llmstrat/job_status.py settle "${1:-}" <<<"$status")
if [[ -n $settled ]]; then
  aws s3 cp --content-type application/json - "$LLMSTRAT_JOB_URI/status.json" <<<"$settled" || true
fi
aws autoscaling update-auto-scaling-group --auto-scaling-group-name "$LLMSTRAT_GROUP" \
  --min-size 0 --max-size 0 --desired-capacity 0
