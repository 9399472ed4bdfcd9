#!/usr/bin/env bash
# Starts a node of the cluster: disk, image, code, then the launcher's unit and the one that watches the job.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

# Attempt 0: from now on the job is known to have nodes, and its time counts. Only the first of all nodes writes it.
place=${LLMSTRAT_JOB_URI#s3://}
printf '{"state": "running", "started": "%s", "attempt": 0}' "$(date -u +%FT%TZ)" >/run/llmstrat-first.json
aws s3api put-object --bucket "${place%%/*}" --key "${place#*/}/status.json" --body /run/llmstrat-first.json \
  --content-type application/json --if-none-match '*' >/dev/null 2>&1 || true
if /opt/llmstrat/watch.sh; then exit 0; fi
# Whatever hangs from here on, the node ends; the one that replaces it finds the job's time over.
shutdown -h "+$((LLMSTRAT_MAX_SECONDS / 60 + 60))"

/opt/llmstrat/machine.sh
mkdir -p "$LLMSTRAT_CACHE/job"
aws s3 sync --only-show-errors "$LLMSTRAT_JOB_URI/code" "$LLMSTRAT_CACHE/job/code"
systemctl daemon-reload
systemctl enable --now llmstrat-node.service llmstrat-watch.timer
