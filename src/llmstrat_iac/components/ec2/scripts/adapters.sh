#!/usr/bin/env bash
# Downloads the adapters that /etc/llmstrat/adapters lists: folder, source and revision, separated by tabs.
set -euo pipefail
# shellcheck source=/dev/null
source /etc/llmstrat/env

readonly download='import sys; from huggingface_hub import snapshot_download as load
load(sys.argv[1], revision=sys.argv[2] or None, local_dir=sys.argv[3])'

while IFS=$'\t' read -r folder source revision; do
  mkdir -p "$LLMSTRAT_CACHE/adapters/$folder"
  if [[ $source == s3://* ]]; then
    aws s3 sync --only-show-errors "$source" "$LLMSTRAT_CACHE/adapters/$folder"
  else
    docker run --rm --env-file /run/llmstrat/hub.env --volume "$LLMSTRAT_CACHE:/cache" --entrypoint python3 \
      "$LLMSTRAT_IMAGE" -c "$download" "$source" "${revision#-}" "/cache/adapters/$folder" </dev/null
  fi
done </etc/llmstrat/adapters
