#!/usr/bin/env bash
# Writes why the instance fails as a stream `failed/INSTANCE` of the log group; prints how many have in two hours.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

instance=$(/opt/llmstrat/imds.sh instance-id)
text=$(
  echo "$1"
  journalctl --no-pager --output cat --lines 20 \
    SYSLOG_IDENTIFIER=llmstrat + _SYSTEMD_UNIT=llmstrat-engine.service + UNIT=llmstrat-engine.service \
    + _SYSTEMD_UNIT=llmstrat-node.service + UNIT=llmstrat-node.service || true
)
event=$(python3 -c 'import json, sys, time
print(json.dumps([{"timestamp": int(time.time() * 1000), "message": sys.argv[1][:20000]}]))' "$text")
aws logs create-log-stream --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name "failed/$instance" >&2 || true
aws logs put-log-events --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name "failed/$instance" \
  --log-events "$event" >/dev/null || true

since=$((($(date +%s) - 7200) * 1000))
# One number for each page of the answer.
{ aws logs describe-log-streams --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name-prefix failed/ \
  --query "length(logStreams[?creationTime > \`$since\`])" --output text || true; } |
  awk '{ count += $1 } END { print count + 0 }'
