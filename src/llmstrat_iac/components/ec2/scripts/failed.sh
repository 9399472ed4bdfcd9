#!/usr/bin/env bash
# Reports why the instance can't serve, once, as a stream `failed/INSTANCE` of the log group, and has it replaced.
# After three failures within two hours a fourth would fail, too, and bill: the instance gives up its place instead.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

if ! mkdir /var/lib/llmstrat-failed 2>/dev/null; then exit 0; fi
instance=$(/opt/llmstrat/imds.sh instance-id)
text=$(
  echo "$1"
  journalctl --no-pager --output cat --lines 20 \
    SYSLOG_IDENTIFIER=llmstrat + _SYSTEMD_UNIT=llmstrat-engine.service + UNIT=llmstrat-engine.service || true
)
event=$(python3 -c 'import json, sys, time
print(json.dumps([{"timestamp": int(time.time() * 1000), "message": sys.argv[1][:20000]}]))' "$text")
aws logs create-log-stream --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name "failed/$instance" || true
aws logs put-log-events --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name "failed/$instance" \
  --log-events "$event" >/dev/null || true

since=$((($(date +%s) - 7200) * 1000))
failures=$(aws logs describe-log-streams --log-group-name "$LLMSTRAT_LOG_GROUP" --log-stream-name-prefix failed/ \
  --query "length(logStreams[?creationTime > \`$since\`])" --output text) || failures=0
if ((failures < 3)); then
  aws autoscaling set-instance-health --instance-id "$instance" --health-status Unhealthy \
    --no-should-respect-grace-period
else
  aws autoscaling update-auto-scaling-group --auto-scaling-group-name "$LLMSTRAT_GROUP" --min-size 0
  aws autoscaling terminate-instance-in-auto-scaling-group --instance-id "$instance" \
    --should-decrement-desired-capacity >/dev/null
fi
