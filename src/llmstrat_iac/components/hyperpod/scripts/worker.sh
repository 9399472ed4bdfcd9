#!/usr/bin/env bash
# HyperPod runs this on every worker, also on one that replaces another: disk, file system, image, code.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

bash "$here/install.sh" "$here"
# shellcheck source=/dev/null
source /etc/llmstrat/env
if [[ -n $LLMSTRAT_SHARED ]] && ! mountpoint -q "$LLMSTRAT_SHARED"; then
  echo "the file system isn't mounted at $LLMSTRAT_SHARED" >&2
  exit 1
fi
systemctl enable --now docker.service
/opt/llmstrat/machine.sh
mkdir -p "$LLMSTRAT_CACHE/job"
aws s3 sync --only-show-errors "$LLMSTRAT_JOB_URI/code" "$LLMSTRAT_CACHE/job/code"
