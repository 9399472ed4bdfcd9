#!/usr/bin/env bash
# After the job's unit has stopped, and after a failed start: settles the status and ends the instance, for good.
# Only a reclaimed spot instance isn't the end: the group brings another, which goes on from the last checkpoint.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

readonly settle='import datetime as d, json, sys
status = json.loads(sys.argv[1] or "{}")
now = d.datetime.now(d.timezone.utc).isoformat(timespec="seconds")
if status.get("state") not in ("completed", "failed", "cancelled"):
    status |= {"state": "failed", "failure": sys.argv[2][-2000:], "updated": now, "finished": now}
    for name, value in {"started": now, "attempt": 1, "step": 0, "total_steps": 0, "metrics": {}}.items():
        status.setdefault(name, value)
print(json.dumps(status))'

reason=${1:-}
if [[ -z $reason ]]; then
  # The system itself stops: the instance was reclaimed or terminated, and nothing here decides what comes next.
  if [[ $(systemctl is-system-running) == stopping ]]; then exit 0; fi
  if [[ $SERVICE_RESULT == timeout ]]; then
    reason="stopped: the job's time (max_duration) is over"
  elif [[ ${EXIT_STATUS:-} == 75 && $LLMSTRAT_SPOT == 1 ]]; then
    shutdown -h +10
    exit 0
  else
    reason="the launcher ended with status ${EXIT_STATUS:-unknown} ($SERVICE_RESULT)"
  fi
fi
status=$(aws s3 cp "$LLMSTRAT_JOB_URI/status.json" - 2>/dev/null || true)
python3 -c "$settle" "$status" "$reason" |
  aws s3 cp --content-type application/json - "$LLMSTRAT_JOB_URI/status.json" || true
if [[ -n $LLMSTRAT_GROUP ]]; then
  aws autoscaling terminate-instance-in-auto-scaling-group --should-decrement-desired-capacity \
    --instance-id "$(/opt/llmstrat/imds.sh instance-id)" >/dev/null || true
fi
# On an instance of its own this terminates it; in a group it is what is left if the call before has failed.
shutdown -h +1
