#!/usr/bin/env bash
# Makes an environment from a pinned requirements file, outside the clone since it takes gigabytes: in the user's cache,
# under the hash of the file. Prints its Python. Usage: trainer-env.sh NAME, for requirements/NAME.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly NAME=$1 REQUIREMENTS=requirements/$1.txt UV=$PWD/.tools/uv/bin/uv NEEDED_GIB=10
readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/llmstrat-iac/environments
HASH=$(cksum <"$REQUIREMENTS" | tr ' ' -)
readonly FOLDER=$CACHE/$NAME-$HASH

if [ ! -f "$FOLDER/.complete" ]; then
  mkdir -p "$CACHE"
  free=$(df -Pk "$CACHE" | awk 'NR == 2 { print int($4 / 1048576) }')
  if [ "$free" -lt "$NEEDED_GIB" ]; then
    printf '%s: %s has %s GiB free, and the environment takes up to %s\n' "$NAME" "$CACHE" "$free" "$NEEDED_GIB" >&2
    exit 1
  fi
  printf '%s: installing %s packages into %s\n' "$NAME" "$(grep -c == "$REQUIREMENTS")" "$FOLDER" >&2
  # Earlier versions' are of no use any more.
  find "$CACHE" -mindepth 1 -maxdepth 1 -name "$NAME-*" -exec rm -rf {} +
  "$UV" venv --quiet --python .venv/bin/python "$FOLDER"
  "$UV" pip install --quiet --python "$FOLDER/bin/python" --require-hashes -r "$REQUIREMENTS"
  touch "$FOLDER/.complete"
fi
printf '%s\n' "$FOLDER/bin/python"
