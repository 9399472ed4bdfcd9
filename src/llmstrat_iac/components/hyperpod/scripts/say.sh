#!/usr/bin/env bash
# Says something in the journal and in the job's log in CloudWatch, which may be out of reach.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

echo "$1"
stream=${LLMSTRAT_JOB_URI##*/}/controller
event=$(python3 -c 'import json, sys, time
print(json.dumps([{"timestamp": int(time.time() * 1000), "message": sys.argv[1]}]))' "$1")
aws logs create-log-stream --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name "$stream" 2>/dev/null || true
aws logs put-log-events --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name "$stream" \
  --log-events "$event" >/dev/null || true
