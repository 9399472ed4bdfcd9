#!/usr/bin/env bash
# Reports why the instance can't serve, once, as a stream `failed/INSTANCE` of the log group, and has it replaced.
# After three failures within two hours a fourth would fail, too, and bill: the instance gives up its place instead.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

if ! mkdir /var/lib/llmstrat-failed 2>/dev/null; then exit 0; fi
instance=$(/opt/llmstrat/imds.sh instance-id)
failures=$(/opt/llmstrat/record_failure.sh "$1")
if ((failures < 3)); then
  aws autoscaling set-instance-health --instance-id "$instance" --health-status Unhealthy \
    --no-should-respect-grace-period
else
  aws autoscaling update-auto-scaling-group --auto-scaling-group-name "$LLMSTRAT_GROUP" --min-size 0
  aws autoscaling terminate-instance-in-auto-scaling-group --instance-id "$instance" \
    --should-decrement-desired-capacity >/dev/null
fi
