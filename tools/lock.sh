#!/usr/bin/env bash
# Resolves the requirements files from pyproject.toml: pinned, hashed, for every supported Python and platform, and
# without any registry's address. dev.txt is the whole environment; the smaller ones are constrained to its versions.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
  local output=$1
  [[ $output == */* ]] || output=requirements/$output
  shift
  printf 'lock: %s\n' "$output"
  .tools/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" --output-file "$output" "$@"
  if grep -nE 'https?://|--(extra-)?index-url|--find-links' "$output"; then
    printf 'lock: %s names a registry\n' "$output" >&2
    exit 1
  fi
}

compile uv.txt requirements/uv.in
compile dev.txt pyproject.toml --extra sandbox --extra tokenizer --group dev
compile runtime.txt pyproject.toml --constraints requirements/dev.txt
compile sandbox.txt pyproject.toml --extra sandbox --constraints requirements/dev.txt
compile local-llm.txt pyproject.toml --extra sandbox --extra local-llm --constraints requirements/dev.txt

compile trainer.txt requirements/trainer.in
# What a job installs: the same versions, without what the image has built for its GPUs.
mapfile -t image < <(sed -nE 's/^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==.*/--no-emit-package=\1/p' requirements/trainer.txt)
compile src/llmstrat_iac/trainer/requirements.txt requirements/trainer.in --constraints requirements/trainer.txt "${image[@]}"
# requirements/cluster.txt is a link to it.
compile src/llmstrat_iac/trainers/torchtitan/requirements.txt requirements/cluster.in
compile vllm.txt requirements/vllm.in
