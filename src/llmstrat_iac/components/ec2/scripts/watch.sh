#!/usr/bin/env bash
# Stops the cluster when the job is over, its time is, or no new step has come for too long: nodes that wait for each
# other bill like those that work. Succeeds if it has stopped it.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

verdict=$(aws s3 cp "$LLMSTRAT_JOB_URI/status.json" - |
  /opt/llmstrat/job_status.py verdict "$LLMSTRAT_MAX_SECONDS" "$LLMSTRAT_IDLE_SECONDS" /var/lib/llmstrat-step)
case $verdict in
  over) exec /opt/llmstrat/over.sh ;;
  late) exec /opt/llmstrat/over.sh "stopped: the job's time (max_duration) is over" ;;
  idle) exec /opt/llmstrat/over.sh "stopped: no new step in $((LLMSTRAT_IDLE_SECONDS / 60)) minutes (idle_minutes)" ;;
esac
exit 1
