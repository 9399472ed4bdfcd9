#!/usr/bin/env bash
# Starts the job on a new instance: the image, the code, and what is left of the job's time as the unit's limit.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

# Of all instances that the job has had: `started` is the first one's.
readonly left='import datetime as d, json, sys
started = json.loads(sys.argv[1] or "{}").get("started")
now = d.datetime.now(d.timezone.utc)
since = now - d.datetime.fromisoformat(started.replace("Z", "+00:00")) if started else d.timedelta()
print(max(0, int(sys.argv[2]) - int(since.total_seconds())))'
status=$(aws s3 cp "$LLMSTRAT_JOB_URI/status.json" - 2>/dev/null || true)
if [[ -z $status ]]; then
  # Attempt 0: from now on the job is known to have had an instance, and its time counts.
  status=$(printf '{"state": "running", "started": "%s", "attempt": 0}' "$(date -u +%FT%TZ)")
  aws s3 cp --content-type application/json - "$LLMSTRAT_JOB_URI/status.json" <<<"$status"
fi
seconds=$(python3 -c "$left" "$status" "$LLMSTRAT_MAX_SECONDS")
if ((seconds == 0)); then
  echo "stopped: the job's time (max_duration) is over" >&2
  exit 1
fi
# Whatever hangs from here on, the instance ends.
shutdown -h "+$((seconds / 60 + 30))"

/opt/llmstrat/machine.sh
mkdir -p "$LLMSTRAT_CACHE/job"
aws s3 sync --only-show-errors "$LLMSTRAT_JOB_URI/code" "$LLMSTRAT_CACHE/job/code"
mkdir -p /etc/systemd/system/llmstrat-job.service.d
printf '[Service]\nRuntimeMaxSec=%s\n' "$seconds" >/etc/systemd/system/llmstrat-job.service.d/limit.conf
systemctl daemon-reload
systemctl enable --now llmstrat-job.service
