#!/usr/bin/env bash
# Writes the Hugging Face token as HF_TOKEN=… into a file of the service's own in memory, or an empty file.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

umask 077
: >/run/llmstrat/hub.env
if [[ -n $LLMSTRAT_TOKEN_SECRET ]]; then
  token=$(aws secretsmanager get-secret-value --secret-id "$LLMSTRAT_TOKEN_SECRET" --query SecretString --output text)
  printf 'HF_TOKEN=%s\n' "$token" >/run/llmstrat/hub.env
fi
