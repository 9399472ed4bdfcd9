#!/usr/bin/env bash
# Has this node replaced, once; if too many have failed of late, the next would fail, too, and bill: all stop then.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

if ! mkdir /var/lib/llmstrat-failed 2>/dev/null || /opt/llmstrat/over.sh; then exit 0; fi
failures=$(/opt/llmstrat/record_failure.sh "$1")
if ((failures > 2 + LLMSTRAT_NODES / 10)); then
  /opt/llmstrat/over.sh "nodes fail again and again, the last one so: $1"
else
  aws autoscaling set-instance-health --instance-id "$(/opt/llmstrat/imds.sh instance-id)" \
    --health-status Unhealthy --no-should-respect-grace-period
fi
