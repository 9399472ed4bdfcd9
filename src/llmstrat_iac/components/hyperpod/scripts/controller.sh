#!/usr/bin/env bash
# HyperPod runs this on the controller once Slurm is there: it starts the service that submits the job.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

bash "$here/install.sh" "$here"
# shellcheck source=/dev/null
source /etc/llmstrat/env
aws s3 sync --only-show-errors "$LLMSTRAT_JOB_URI/code" /opt/llmstrat/job/code
cp "$here/llmstrat-submit.service" /etc/systemd/system/
systemctl daemon-reload
# Not waited for: the service waits for the workers, and HyperPod for this script.
systemctl enable --now --no-block llmstrat-submit.service
